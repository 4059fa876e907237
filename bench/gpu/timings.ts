import {
  adamwStep,
  causalConv1d,
  crossEntropy,
  cumsum,
  decayScan,
  embedding,
  matMul,
  rmsNorm,
  selectiveScan,
  siluGate,
  softplus,
  squareSum,
} from '@densessm/kernels';
import { gpuChoices, withPrecision } from '@densessm/kernels/internal';
import {
  add,
  dispose,
  grads,
  mul,
  reshape,
  slice,
  matMul as stockMatMul,
  sum,
  type Tensor,
  tensor1d,
  tidy,
  tile,
} from '@tensorflow/tfjs-core';
import type { Figure } from '../lib/measured';
import { finished } from './device';

const ROUNDS = 5;
/** A round lasts about as long. */
const ROUND_MS = 150;

/** Fastest and median time of a call, of rounds in which it runs many times and is waited for once. */
async function time(call: () => Tensor | Tensor[]): Promise<[best: number, median: number]> {
  const round = async (calls: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) dispose(tidy(call));
    await finished();
    return (performance.now() - start) / calls;
  };
  await round(1); // compiles
  const calls = Math.max(1, Math.min(200, Math.floor(ROUND_MS / (await round(2)))));
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await round(calls));
  times.sort((a, b) => a - b);
  return [times[0] as number, times[ROUNDS >> 1] as number];
}

const some = Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i * 12.9898) * 0.5);

/** Values from −0.5 to 0.5. */
function values<T extends Tensor>(...shape: number[]): T {
  const size = shape.reduce((a, b) => a * b, 1);
  return tidy(() => reshape(slice(tile(tensor1d(some), [Math.ceil(size / some.length)]), [0], [size]), shape)) as T;
}

type Case = () => { name: string; work: number; unit: string; call: () => Tensor | Tensor[]; inputs: Tensor[] };

type Kind = 'ours' | 'stock' | 'f16';

const product = (M: number, K: number, N: number, transposeA: boolean, transposeB: boolean, kind: Kind = 'ours'): Case => {
  const letters = `${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}`;
  return () => {
    const a = values(...(transposeA ? [K, M] : [M, K]));
    const b = values(...(transposeB ? [N, K] : [K, N]));
    const ours = () => matMul({ a, b }, { transposeA, transposeB });
    const calls = { ours, stock: () => stockMatMul(a, b, transposeA, transposeB), f16: () => withPrecision('f16', ours) };
    const call = calls[kind];
    return {
      name: `${{ ours: '', stock: 'tfjs ', f16: 'f16 ' }[kind]}matMul ${letters} ${M} × ${K} × ${N}`,
      work: (2 * M * K * N) / 1e9,
      unit: 'TFLOP/s',
      call,
      inputs: [a, b],
    };
  };
};

const products: Case[] = [
  ...[1024, 2048, 4096, 8192].map((n) => product(n, n, n, false, false)),
  product(4096, 4096, 4096, false, true),
  product(4096, 4096, 4096, true, false),
  ...[1024, 4096].map((n) => product(n, n, n, false, false, 'stock')),
  product(4096, 4096, 4096, false, true, 'stock'),
  product(4096, 768, 3072, false, true),
  product(4096, 1536, 80, false, true),
  product(80, 4096, 1536, true, false),
  product(4096, 768, 50280, false, true),
  product(1, 768, 3072, false, true),
  ...[1024, 2048, 4096, 8192].map((n) => product(n, n, n, false, false, 'f16')),
  product(4096, 4096, 4096, false, true, 'f16'),
  product(4096, 4096, 4096, true, false, 'f16'),
  product(4096, 768, 3072, false, true, 'f16'),
  product(3072, 4096, 768, true, false, 'f16'),
  product(4096, 1536, 6144, false, true, 'f16'),
  product(4096, 1536, 80, false, true, 'f16'),
  product(4096, 768, 50280, false, true, 'f16'),
];

/** Products of a step of DenseRetNet-350M of 2 × 2,048 tokens: forward, of the inputs and of the weights; and of its head. */
const ofStep = [
  ...[
    [768, 1536],
    [6144, 1536],
    [1536, 3072],
  ].flatMap(([out = 0, width = 0]) => [
    product(4096, width, out, false, true),
    product(4096, out, width, false, false),
    product(out, 4096, width, true, false),
  ]),
  product(1024, 1536, 32_000, false, true),
];

/** A case that goes another way than usual. */
const chosen = (way: string, choices: Partial<typeof gpuChoices>, make: Case): Case => {
  return () => {
    const { name, call, ...rest } = make();
    const choose = (): Tensor | Tensor[] => {
      const usual = { ...gpuChoices };
      Object.assign(gpuChoices, choices);
      try {
        return call();
      } finally {
        Object.assign(gpuChoices, usual);
      }
    };
    return { ...rest, name: `${way} ${name}`, call: choose };
  };
};

const scan = (B: number, T: number, backward: boolean): Case => {
  const [E, N] = [1536, 16];
  return () => {
    const [u, delta, A] = [values(B, T, E), softplus(values(B, T, E)), mul(softplus(values(E, N)), -1)];
    const [b, c] = [values(B, T, N), values(B, T, N)];
    const forward = (...[u, delta, A, b, c]: Tensor[]): Tensor => selectiveScan({ u, delta, A, B: b, C: c } as never)[0];
    const gradients = grads((...given: Tensor[]) => forward(...given));
    const inputs = [u, delta, A, b, c];
    const dy = values(B, T, E);
    const call = () => (backward ? gradients(inputs, dy) : forward(...inputs));
    return {
      name: `selectiveScan${backward ? ', forward and backward' : ''} ${B} × ${T} × ${E} × ${N}`,
      work: B * T * 1e-3,
      unit: 'Mtokens/s',
      call,
      inputs: [...inputs, dy],
    };
  };
};

const retention = (T: number, backward: boolean, [H, K, V]: [number, number, number]): Case => {
  const B = 2;
  return () => {
    const [q, k, v, logDecay] = [values(B, T, H, K), values(B, T, H, K), values(B, T, H, V), mul(softplus(values(H)), -0.1)];
    const inputs = [q, k, v, logDecay];
    const forward = (...[q, k, v, logDecay]: Tensor[]): Tensor => decayScan({ q, k, v, logDecay } as never)[0];
    const gradients = grads((...given: Tensor[]) => forward(...given));
    const dy = values(B, T, H, V);
    const call = () => (backward ? gradients(inputs, dy) : forward(...inputs));
    const name = `decayScan${backward ? ', forward and backward' : ''} ${B} × ${T} × ${H} × ${K} × ${V}`;
    return { name, work: B * T * 1e-3, unit: 'Mtokens/s', call, inputs: [...inputs, dy] };
  };
};

/** A kernel that moves `passes` tensors of [4096, 1536] and does little with them. */
const traffic = (name: string, passes: number, call: (x: Tensor, y: Tensor, w: Tensor, filter: Tensor) => Tensor | Tensor[]): Case => {
  return () => {
    const [x, y, w, filter] = [values(2, 2048, 1536), values(2, 2048, 1536), values(1536), values(1536, 4)];
    return { name, work: (passes * 4 * x.size) / 1e6, unit: 'GB/s', call: () => call(x, y, w, filter), inputs: [x, y, w, filter] };
  };
};

const moves: Case[] = [
  traffic('add (tfjs)', 3, (x, y) => add(x, y)),
  traffic('siluGate', 3, (x, gate) => siluGate({ x, gate })),
  traffic('rmsNorm', 2, (x, _, weight) => rmsNorm({ x, weight } as never)),
  traffic('causalConv1d', 2, (x, _, __, w) => causalConv1d({ x, w } as never, { activation: 'silu' })),
  traffic('squareSum', 1, (x) => squareSum({ x })),
  traffic('cumsum along time', 3, (x) => cumsum({ x }, { axis: 1 })),
  traffic('sum of all', 1, (x) => sum(x)),
  traffic('sum over tokens', 1, (x) => sum(x, [0, 1])),
  traffic('adamwStep', 7, (param, grad) => adamwStep({ param, grad, mean: grad, square: param })),
  () => {
    const logits = values(2048, 50280);
    const targets = tensor1d(
      Int32Array.from({ length: 2048 }, (_, i) => i * 7),
      'int32',
    );
    const call = () => crossEntropy({ logits, targets } as never);
    return { name: 'crossEntropy 2048 × 50280', work: (4 * logits.size) / 1e6, unit: 'GB/s', call, inputs: [logits, targets] };
  },
  () => {
    const ids = reshape(
      tensor1d(
        Int32Array.from({ length: 4096 }, (_, i) => (i * 7919) % 50280),
        'int32',
      ),
      [2, 2048],
    );
    const w = values(50280, 768);
    const gradient = grads((one: Tensor) => embedding({ ids, w: one } as never));
    const dy = values(2, 2048, 768);
    const call = () => gradient([w], dy);
    return { name: 'embedding, forward and backward', work: (4 * w.size) / 1e6, unit: 'GB/s', call, inputs: [ids, w, dy] };
  },
];

const cases: Case[] = [
  ...products,
  ...ofStep,
  ...[512, 2048, 16384].flatMap((T) => [scan(T > 4096 ? 1 : 2, T, false), scan(T > 4096 ? 1 : 2, T, true)]),
  ...moves,
  ...[false, true].flatMap((backward) => {
    const [narrow, wide] = [retention(2048, backward, [12, 64, 128]), retention(2048, backward, [2, 384, 1536])];
    const inChunks = (tiledScanChunk: number, one: Case): Case =>
      chosen(`in products of chunks of ${tiledScanChunk}`, { tiledScanFrom: 0, tiledScanChunk }, one);
    const inShortProducts = chosen('in short products', { tiledScanFrom: Number.POSITIVE_INFINITY }, narrow);
    return [narrow, inShortProducts, inChunks(64, narrow), inChunks(256, narrow), wide, inChunks(128, wide), inChunks(512, wide)];
  }),
];

/**
 * Times every case; one that fails is a line of its own. A figure: `ms` of a call in the fastest round, `medianMs`, and `rate` with its `unit`, TFLOP/s, GB/s or
 * millions of tokens per second.
 */
export async function runTimings(say: (line: string) => void, keep: (figure: Figure) => void, only: RegExp): Promise<void> {
  for (const prepare of cases) {
    try {
      const { name, work, unit, call, inputs } = prepare();
      if (!only.test(name)) {
        dispose(inputs);
        continue;
      }
      const [ms, medianMs] = await time(call);
      dispose(inputs);
      const rate = work / ms;
      keep({ part: 'kernel', name, ms, medianMs, rate, unit });
      say(
        `${name.padEnd(56)} ${ms.toFixed(3).padStart(9)} ms, median ${medianMs.toFixed(3).padStart(9)} ms, ${rate.toPrecision(4)} ${unit}`,
      );
    } catch (error) {
      say(`  FAILED ${String(error)}`);
    }
  }
}
