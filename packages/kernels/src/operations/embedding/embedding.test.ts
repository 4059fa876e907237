import { describeKernelChecks } from '@densessm/testing';
import { dispose, setBackend, sum, tensor2d, valueAndGrad } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { embeddingChecks } from './checks';
import { embedding } from './kernel';

describeKernelChecks(embeddingChecks);

describe.each(['cpu', 'wasm'])('embedding on %s', (backend) => {
  it('adds up the gradient of a row that is read twice, and none for the padding row', async () => {
    await setBackend(backend);
    const w = tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const read = tensor2d([1, 0, 1, 2], [1, 4], 'int32');
    const { value, grad } = valueAndGrad((weights) => sum(embedding({ ids: read, w: weights as typeof w }, { paddingIndex: 2 })))(w);
    expect([...(await value.data())]).toEqual([3 + 4 + 1 + 2 + 3 + 4 + 5 + 6]);
    expect([...(await grad.data())]).toEqual([1, 1, 2, 2, 0, 0]);
    dispose([w, read, value, grad]);
  });

  it.each([-1, 3, 2 ** 31 - 1, -(2 ** 31)])('refuses id %i of a vocabulary of 3', async (id) => {
    await setBackend(backend);
    const w = tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const read = tensor2d([0, id], [2, 1], 'int32');
    expect(() => embedding({ ids: read, w })).toThrow(/holds an id outside the vocabulary.\n.*integers from 0 to 2/);
    dispose([w, read]);
  });
});

it('says which id is wrong', () => {
  const w = tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const read = tensor2d([0, 7], [2, 1], 'int32');
  expect(() => embedding({ ids: read, w })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: SsmEmbedding: \`ids\` holds an id outside the vocabulary.
      expected  integers from 0 to 2
      got       7 at index 1 of [2, 1]
      fix       encode the text with this model's own tokenizer]
  `);
  dispose([w, read]);
});
