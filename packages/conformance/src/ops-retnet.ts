import { rmsNorm } from '@densessm/kernels';
import {
  decayLogarithms,
  type HeadSizes,
  type Positions,
  positionsFrom,
  retention,
  retentionScale,
  rotate,
  rotationAngles,
} from '@densessm/retnet/retention';
import {
  div,
  grads as gradientsOf,
  reshape,
  sqrt,
  type Tensor,
  type Tensor4D,
  tensor,
  tensor1d,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { compare, compareValues } from './compare';
import { normalizedMask, parallelForward } from './row-normalized-retention';
import type { CheckResult, OpsFixture, StoredTensor } from './types';

/** float32 against float64, relative to the RMS: the references' own float32 is within 4e-7. */
const BOUND = 1e-5;
/** Buffers that both sides compute in float32, of values up to 1: the last bit of a power or logarithm may differ. */
const BUFFER_BOUND = 2 ** -23;

interface Case {
  op?: string;
  length: number;
  heads: number;
  /** Of the rotation's cases. */
  key_dim?: number;
  /** Of torchscale's cases: widths per head. */
  K?: number;
  V?: number;
  after_rms_max_abs_diff_parallel_vs_recurrent?: number;
}

interface Tensors {
  stored(name: string): StoredTensor | undefined;
  /** A fresh tensor of stored values. */
  read(name: string): Tensor;
}

/** The cases of an operator folder that are RetNet's own: retention in torchscale's modes, and the rotation of keys. */
export async function* checkRetNetOps(fixture: OpsFixture): AsyncGenerator<CheckResult> {
  for (const [i, one] of (fixture.expected.cases as Case[]).entries()) {
    const prefix = `c${i}.`;
    const stored = (name: string) => fixture.tensors.get(`${prefix}${name}`);
    const read = (name: string): Tensor => {
      const { values, shape } = stored(name) as StoredTensor;
      return tensor(Float32Array.from(values), shape);
    };
    const name = `c${i} ${one.op}`;
    if (one.op?.startsWith('torchscale.') && one.K !== undefined) yield* checkTorchscale(name, one, { stored, read });
    if (one.op?.startsWith('RetNetRelPos')) yield* checkRotation(name, one, { stored, read });
  }
}

/** [B, H, T, width] ↔ [B, T, H, width]. */
const swapHeads = (x: Tensor): Tensor4D => transpose(x as Tensor4D, [0, 2, 1, 3]);

/** The reference rotates in [B, H, T, K]. */
const rotated = (x: Tensor, positions: Positions): Tensor4D => swapHeads(rotate(swapHeads(x), positions));

const sizesOf = ({ heads, key_dim, K = key_dim ?? 2, V = 1 }: Case): HeadSizes => ({
  numHeads: heads,
  keyDim: heads * K,
  valueDim: heads * V,
});

async function* checkRotation(name: string, one: Case, { stored, read }: Tensors): AsyncGenerator<CheckResult> {
  const sizes = sizesOf(one);
  const width = sizes.keyDim / sizes.numHeads;
  yield compareValues(`${name}: angle`, stored('out.angle')?.values ?? [], rotationAngles(width), BUFFER_BOUND);
  yield compareValues(`${name}: decay`, stored('out.decay')?.values ?? [], decayLogarithms(one.heads), BUFFER_BOUND);
  yield await compare(`${name}: mask`, stored('out.mask'), normalizedMask(one.heads, one.length), BOUND, 'relative');
  const turn = (x: Tensor): Tensor => rotated(x, positionsFrom(0, one.length, sizes));
  yield await compare(
    `${name}: y`,
    stored('out.y'),
    tidy(() => turn(read('in.x'))),
    BOUND,
    'relative',
  );
  const [gradient] = tidy(() => gradientsOf(turn)([read('in.x')], read('gout.y')));
  yield await compare(`${name}: gradient of x`, stored('grad.x'), gradient as Tensor, BOUND, 'relative');
}

async function* checkTorchscale(name: string, one: Case, tensors: Tensors): AsyncGenerator<CheckResult> {
  const { stored, read } = tensors;
  const check = (what: string, key: string, make: () => Tensor) => compare(`${name}: ${what}`, stored(key), tidy(make), BOUND, 'relative');
  const positions = (): Positions => positionsFrom(0, one.length, sizesOf(one));
  yield await check('qr', 'out.qr', () => rotated(read('in.q'), positions()));
  yield await check('kr', 'out.kr', () => rotated(read('in.k'), positions()));
  yield* checkParallel(name, one, tensors);
  const ours = () => {
    const [q, k] = [rotate(swapHeads(read('in.q')), positions()), rotate(swapHeads(read('in.k')), positions())];
    return retention({ q, k, v: valuesOf(one, read('in.v')), positions: positions() }, {});
  };
  yield await check('recurrent output', 'out.recurrent_o', () => ours()[0]);
  const scale = () => reshape(tensor1d(retentionScale(one.heads, one.length)), [-1, 1, 1]);
  yield await check('recurrent scale', 'out.recurrent_scale', () => reshape(scale(), [-1]));
  yield await check('recurrent state', 'out.recurrent_kv', () => div(transpose(ours()[1], [0, 1, 3, 2]), sqrt(scale())));
  const apart = one.after_rms_max_abs_diff_parallel_vs_recurrent ?? 0;
  const reference = tidy(() => rmsNorm({ x: read('out.o') }));
  const normed = tidy(() => rmsNorm({ x: ours()[0] }));
  yield compareValues(`${name}: after the norm`, await reference.data(), await normed.data(), 2 * apart + BOUND);
  reference.dispose();
  normed.dispose();
}

/** The parallel mode with its row normalizer: output and gradients through the rotation. */
async function* checkParallel(name: string, one: Case, { stored, read }: Tensors): AsyncGenerator<CheckResult> {
  const positions = (): Positions => positionsFrom(0, one.length, sizesOf(one));
  const forward = (q: Tensor, k: Tensor, v: Tensor): Tensor =>
    parallelForward(rotate(swapHeads(q), positions()), rotate(swapHeads(k), positions()), valuesOf(one, v));
  const names = ['q', 'k', 'v'];
  const inputs = () => names.map((input) => read(`in.${input}`)) as [Tensor, Tensor, Tensor];
  yield await compare(
    `${name}: parallel output`,
    stored('out.o'),
    tidy(() => forward(...inputs())),
    BOUND,
    'relative',
  );
  const gradients = tidy(() => gradientsOf(forward as (...x: Tensor[]) => Tensor)(inputs(), read('gout.o')));
  for (const [i, input] of names.entries())
    yield await compare(`${name}: gradient of ${input}`, stored(`grad.${input}`), gradients[i] as Tensor, BOUND, 'relative');
}

/** [B, T, H·V] → [B, T, H, V]. */
const valuesOf = ({ heads }: Case, v: Tensor): Tensor4D => reshape(v, [v.shape[0] as number, v.shape[1] as number, heads, -1]);
