import { packParams } from '@densessm/kernels';
import {
  buildParams,
  type Decoder,
  disposeTree,
  isPacked,
  namedParams,
  type PackedMatrix,
  type ParamLeaf,
  type SequenceModel,
  type SpecTree,
  tensorsOf,
  tidyTree,
  valueAndGrads,
  WEIGHT_TYPES,
} from '@densessm/ssm-core';
import { memory, type Scalar, sum, type Tensor, type Tensor2D, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { expectClose } from '../expect-close';
import { advanceInPieces } from './parts';

interface Started<C, P> {
  config: C;
  params: P;
  tokens: Tensor2D;
}

/** A model on packed weights is the model with these weights as tensors, in every form; it frees them, and has no gradient. */
export function itRunsOnPackedWeights<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  start: () => Promise<Started<C, P>>,
  tolerance: number,
): void {
  it.each(WEIGHT_TYPES)('runs on packed weights: %s', async (weights) => {
    const { config, params, tokens } = await start();
    const before = memory().numTensors;
    const spec = model.spec(config);
    const packed = await packParams(spec, params, { weights });
    const rounded = (await unpacked(spec, packed)) as P;
    const [batch, length] = tokens.shape;
    const inTurn = (some: P) => tidyTree(() => advanceInPieces(model, some, config, tokens, Array<number>(length).fill(1)));
    const states = [packed, rounded].map((some) => tidyTree(() => model.hiddenStates(some, config, tokens))) as [object, object];
    const fine = weights === 'f32' || weights === 'bf16' ? 10 * tolerance : 1e-3; // beside quantized weights activations keep 16 bits
    await expectCloseTrees(states[1], states[0], fine);
    const [own, want] = [inTurn(packed), inTurn(rounded)];
    await expectClose('advance', want[0], own[0], fine);
    const decoder = await model.decoder?.(config, { batch })?.(packed);
    if (decoder) await expectClose('decoder', own[0], await stepped(decoder, tokens), fine);
    decoder?.dispose();
    if (model.gates) {
      const gates = [packed, rounded].map((some) => model.gates?.(some, config, tokens)) as [object, object];
      await expectCloseTrees(gates[1], gates[0], fine);
      disposeTree(gates);
    }
    const loss = (current: P) => tidyTree(() => sum(model.forward(current, config, tokens)) as Scalar);
    expect(() => valueAndGrads(loss, packed)).toThrow(/packed weights have no gradient/);
    disposeTree([states, own, want, packed, rounded]);
    expect(() => model.forward(packed, config, tokens)).toThrow(/disposed/);
    expect(memory().numTensors).toBe(before);
    disposeTree([params, tokens]);
  });
}

/** The logits of a decoder, [B, T, vocab]. */
async function stepped(decoder: Decoder<unknown>, tokens: Tensor2D): Promise<Float32Array> {
  const [batch, length] = tokens.shape;
  const ids = await tokens.data();
  const steps: Float32Array[] = [];
  for (let t = 0; t < length; t++)
    steps.push((await decoder.step(Array.from({ length: batch }, (_, row) => ids[row * length + t] as number))).slice());
  const vocabulary = (steps[0] as Float32Array).length / batch;
  const rowOf = (row: number) => steps.flatMap((logits) => [...logits.subarray(row * vocabulary, (row + 1) * vocabulary)]);
  return Float32Array.from(Array.from({ length: batch }, (_, row) => rowOf(row)).flat());
}

async function expectCloseTrees(want: object, got: object, tolerance: number): Promise<void> {
  const actual = [...tensorsOf(got)];
  for (const [i, [path, tensor]] of [...tensorsOf(want)].entries())
    await expectClose(path.join('.'), tensor, (actual[i] as (typeof actual)[number])[1], tolerance);
}

/** The same params as tensors. */
export async function unpacked(spec: SpecTree, packed: unknown): Promise<unknown> {
  const made = new Map<string, Tensor>();
  for (const [leaf, found] of namedParams(spec, packed) as Iterable<[ParamLeaf, Tensor | PackedMatrix]>) {
    expect(isPacked(found)).toBe(leaf.precision !== 'exact');
    made.set(leaf.name, isPacked(found) ? await tensorOf(found) : tensor(await found.data(), found.shape));
  }
  return buildParams(spec, ({ name }) => made.get(name) as Tensor);
}

async function tensorOf(matrix: PackedMatrix): Promise<Tensor2D> {
  const [out, width] = matrix.shape;
  const values = new Float32Array(out * width);
  for (let row = 0; row < out; row++) values.set(await matrix.row(row), row * width);
  return tensor2d(values, [out, width]);
}
