import { setBackend, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tokenTensor } from './tokens';

describe.each(['cpu', 'wasm'])('tokenTensor on %s', (backend) => {
  const check = async (tokens: Parameters<typeof tokenTensor>[1]) => {
    await setBackend(backend);
    return tokenTensor('forward', tokens, 10);
  };

  it('takes rows and tensors', async () => {
    expect([
      ...(await (
        await check([
          [1, 2, 9],
          [0, 0, 3],
        ])
      ).data()),
    ]).toEqual([1, 2, 9, 0, 0, 3]);
    const tensor = tensor2d([[1, 2]], [1, 2], 'int32');
    expect(await check(tensor)).toBe(tensor);
  });

  it('refuses ids outside the vocabulary, in rows and in tensors', async () => {
    await expect(
      check([
        [1, 2],
        [3, 10],
      ]),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: forward: a token id is outside the vocabulary.
        expected  integers from 0 to 9
        got       10 at row 1, position 1
        fix       encode the text with this model's own tokenizer]
    `);
    await expect(check([[-1]])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(check([[1.5]])).rejects.toMatchObject({ code: 'TOKENS', got: '1.5 at row 0, position 0' });
    await expect(check([[Number.NaN]])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(
      check(
        tensor2d(
          [
            [1, 2],
            [3, 11],
          ],
          [2, 2],
          'int32',
        ),
      ),
    ).rejects.toMatchObject({ code: 'TOKENS', got: '11 at row 1, position 1' });
  });

  it('refuses no tokens, ragged rows, another type and another rank', async () => {
    await expect(check([])).rejects.toMatchObject({ code: 'TOKENS', got: '0 rows, the first with 0 ids' });
    await expect(check([[]])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(check(tensor2d([], [1, 0], 'int32'))).rejects.toMatchObject({ code: 'TOKENS', got: 'a tensor of shape [1, 0]' });
    await expect(check([[1, 2], [3]])).rejects.toMatchObject({ code: 'TOKENS', got: '1 ids in row 1' });
    await expect(check(tensor2d([[1, 2]]))).rejects.toMatchObject({ code: 'DTYPE', got: 'float32' });
    await expect(check(tensor1d([1, 2], 'int32') as never)).rejects.toMatchObject({ code: 'TOKENS' });
  });
});
