import { readFileSync } from 'node:fs';
import { type ArrayTensor, paramsFromTensors, parseConfigText, parseSafetensors, readTensors } from '@densessm/checkpoint';
import { crossEntropy } from '@densessm/kernels';
import { disposeTree, modelFor, namedParams, registerModel, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { advanceInPieces, distance, expectClose } from '@densessm/testing';
import { mean, reshape, type Scalar, setBackend, slice, type Tensor, type Tensor1D, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { mamba, mamba2 } from './index';

// The whole of every folder is checked by the conformance suite; here one length of each, so that a mistake shows close to its cause.
const fixtures = new URL('../../../fixtures/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, fixtures));
const tensorsOfFile = (path: string) => readTensors(parseSafetensors(read(path), path));

interface Loaded {
  // biome-ignore lint/suspicious/noExplicitAny: modelFor returns a model of any kind
  model: any;
  // biome-ignore lint/suspicious/noExplicitAny: and so its config
  config: any;
  params: object;
}

async function load(folder: string, suffix = ''): Promise<Loaded> {
  const json = parseConfigText(read(`${folder}/config${suffix}.json`).toString());
  const model = modelFor(json);
  const config = model.parseConfig(json);
  const tensors = await tensorsOfFile(`${folder}/model${suffix}.safetensors`);
  return { model, config, params: (await paramsFromTensors(model.spec(config), tensors)) as object };
}

const stored = (expected: ReadonlyMap<string, ArrayTensor>, name: string): ArrayTensor => {
  const tensor = expected.get(name);
  if (!tensor) throw new Error(`the fixture lacks ${name}`);
  return tensor;
};

const tokensAt = (expected: ReadonlyMap<string, ArrayTensor>, length: number): Tensor2D => {
  const { values, shape } = stored(expected, `L${length}.input_ids`);
  return tensor2d(values as Int32Array, shape as [number, number], 'int32');
};

function meanLoss(logits: Tensor, tokens: Tensor2D): Scalar {
  const [batch, length, vocab] = logits.shape as [number, number, number];
  const rows: Tensor2D = reshape(slice(logits, [0, 0, 0], [batch, length - 1, vocab]), [-1, vocab]);
  const targets: Tensor1D = reshape(slice(tokens, [0, 1], [batch, length - 1]), [-1]);
  return mean(crossEntropy({ logits: rows, targets }, { reduction: 'none' }));
}

const formats: [folder: string, suffix: string][] = [
  ['mamba_tied', ''],
  ['mamba_tied', '.original'],
  ['mamba2_g1', ''],
  ['mamba2_g1', '.original'],
  ['mamba2_g2', ''],
  ['mamba2_g2_original', ''],
];

describe.each(formats)('%s, config%s.json', (folder, suffix) => {
  beforeAll(async () => {
    registerModel(mamba);
    registerModel(mamba2);
    await setBackend('wasm');
  });

  it('has the logits and hidden states of the reference', async () => {
    const { model, config, params } = await load(folder, suffix);
    const expected = await tensorsOfFile(`${folder}/expected.safetensors`);
    const tokens = tokensAt(expected, 33);
    const states = model.hiddenStates(params, config, tokens);
    // an absolute bound: the reference's own float32 is up to 9e-6 away
    expect(distance(stored(expected, 'L33.logits').values, await states.logits.data()).worst).toBeLessThan(1e-4);
    for (const [i, hidden] of [...states.layers, states.final].entries())
      await expectClose(`hidden ${i}`, stored(expected, `L33.hidden.${i}`).values, hidden, 1e-4);
    disposeTree([params, tokens, states]);
  });

  it('has the gradients of the reference', async () => {
    const { model, config, params } = await load(folder, suffix);
    const expected = await tensorsOfFile(`${folder}/expected.safetensors`);
    const tokens = tokensAt(expected, 33);
    const result = valueAndGrads((current: object) => meanLoss(model.forward(current, config, tokens), tokens), params);
    for (const [{ name, aliases }, gradient] of namedParams(model.spec(config), result.grads)) {
      const want = [name, ...aliases].map((one) => expected.get(`L33.grad.${one}`)).find((one) => one !== undefined);
      await expectClose(name, want?.values ?? [], gradient as Tensor, 1e-4);
    }
    disposeTree([params, tokens, result]);
  });

  it('has the states of the reference after reading in pieces', async () => {
    const { model, config, params } = await load(folder, suffix);
    const expected = await tensorsOfFile(`${folder}/expected.safetensors`);
    const tokens = tokensAt(expected, 33);
    const [logits, state] = tidyTree(() => advanceInPieces(model, params, config, tokens, [1, 5, 27]));
    expect(distance(stored(expected, 'L33.logits').values, await logits.data()).worst).toBeLessThan(1e-4);
    for (const [l, { conv, ssm }] of (state as { layers: { conv: Tensor; ssm: Tensor }[] }).layers.entries()) {
      const { values, shape } = stored(expected, `L33.state.${l}.conv`);
      const width = shape[2] as number;
      const lastColumns = Array.from(values).filter((_, i) => i % width > 0); // the oldest is never read again
      await expectClose(`conv ${l}`, lastColumns, conv, 1e-4);
      await expectClose(`ssm ${l}`, inOurLayout(stored(expected, `L33.state.${l}.ssm`)), ssm, 1e-4);
    }
    disposeTree([params, tokens, logits, state]);
  });
});

/** Mamba-2's state is [B, H, P, N] there and [B, H, N, P] here; Mamba's is [B, E, N] in both. */
function inOurLayout({ values, shape }: ArrayTensor): number[] {
  if (shape.length === 3) return Array.from(values);
  const [, , P, N] = shape as [number, number, number, number];
  return Array.from(values, (_, i) => {
    const [block, n, p] = [Math.floor(i / (P * N)), Math.floor((i % (P * N)) / P), i % P];
    return values[block * P * N + p * N + n] as number;
  });
}
