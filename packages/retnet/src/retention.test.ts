import { tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { expectClose, sampleTensor } from '@densessm/testing';
import { add, mul, type Scalar, setBackend, slice, sum, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { decayLogarithms, positionsFrom, retentionScale, rotationAngles } from './positions';
import { retention, retentionChunkwise, retentionParallel, retentionRecurrent, rotate } from './retention';

const [B, H, K, V] = [2, 3, 4, 5];
const SIZES = { numHeads: H, keyDim: H * K, valueDim: H * V };

function samples(length: number) {
  const random = mulberry32(41);
  const sample = (...shape: number[]) => sampleTensor({ shape }, random) as Tensor4D;
  return { q: sample(B, length, H, K), k: sample(B, length, H, K), v: sample(B, length, H, V), state: sample(B, H, K, V) };
}
type Samples = ReturnType<typeof samples>;

/** Eq. 6 with two loops in float64: S_t = γ S_{t−1} + k_tᵀ v_t, o_t = q_t S_t / √scale_t. */
async function stepByStep({ q, k, v, state }: Samples, start: number): Promise<{ o: Float64Array; s: Float64Array }> {
  const [qs, ks, vs] = [await q.data(), await k.data(), await v.data()];
  const s = Float64Array.from(await state.data());
  const length = q.shape[1];
  const o = new Float64Array(B * length * H * V);
  const decay = decayLogarithms(H);
  for (let at = 0; at < B * length * H; at++) {
    const h = at % H;
    const t = Math.floor(at / H) % length;
    const b = Math.floor(at / (H * length));
    const scale = retentionScale(H, start + t + 1)[h] as number;
    for (let key = 0; key < K; key++) {
      for (let value = 0; value < V; value++) {
        const cell = ((b * H + h) * K + key) * V + value;
        s[cell] = Math.exp(decay[h] as number) * (s[cell] as number) + (ks[at * K + key] as number) * (vs[at * V + value] as number);
        o[at * V + value] = (o[at * V + value] as number) + ((qs[at * K + key] as number) * (s[cell] as number)) / Math.sqrt(scale);
      }
    }
  }
  return { o, s };
}

beforeAll(() => setBackend('wasm'));

describe('retention', () => {
  const forms: [string, typeof retentionParallel][] = [
    ['parallel', retentionParallel],
    ['recurrent', retentionRecurrent],
    ...[1, 16, 64].map((size): [string, typeof retentionParallel] => [`chunkwise (${size})`, (inputs) => retentionChunkwise(inputs, size)]),
  ];

  it.each(forms)('is eq. 6 in %s form', async (_, form) => {
    for (const length of [1, 7, 33, 70]) {
      const inputs = samples(length);
      const want = await stepByStep(inputs, 3);
      const [o, s] = tidyTree(() => form({ ...inputs, positions: positionsFrom(3, length, SIZES) }));
      await expectClose(`output, T = ${length}`, want.o, o, 1e-5);
      await expectClose(`state, T = ${length}`, want.s, s, 1e-5);
    }
  });

  it.each([1, 16, 64])('has the gradients of the parallel form in chunks of %i', async (chunkSize) => {
    const length = 33;
    const inputs = samples(length);
    const random = mulberry32(5);
    const weights = [sampleTensor({ shape: [B, length, H, V] }, random), sampleTensor({ shape: [B, H, K, V] }, random)];
    const loss = (size: number) => (current: Samples) => {
      const parts = retention({ ...current, positions: positionsFrom(0, length, SIZES) }, { chunkSize: size });
      const terms = parts.map((part, i): Scalar => sum(mul(part, weights[i] as Tensor)));
      return terms.reduce((total, term) => add(total, term));
    };
    const [want, got] = [valueAndGrads(loss(length), inputs), valueAndGrads(loss(chunkSize), inputs)];
    for (const name of ['q', 'k', 'v', 'state'] as const)
      await expectClose(name, want.grads[name] as Tensor, got.grads[name] as Tensor, 1e-5);
  });

  it('may be cut anywhere', async () => {
    const { q, k, v, state } = samples(33);
    const [whole, last] = tidyTree(() => retention({ q, k, v, state, positions: positionsFrom(0, 33, SIZES) }, {}));
    let [start, carried] = [0, state];
    for (const length of [1, 5, 27]) {
      const piece = (x: Tensor4D) => slice(x, [0, start, 0, 0], [-1, length, -1, -1]);
      const inputs = { q: piece(q), k: piece(k), v: piece(v), state: carried, positions: positionsFrom(start, length, SIZES) };
      const [o, next] = retention(inputs, { chunkSize: 16 });
      await expectClose(`tokens from ${start}`, piece(whole), o, 1e-5);
      [start, carried] = [start + length, next];
    }
    await expectClose('state', last, carried, 1e-5);
  });
});

describe('rotate', () => {
  it('turns each pair by position times angle', async () => {
    const { q } = samples(7);
    const values = await q.data();
    const turned = await rotate(q, positionsFrom(2, 7, SIZES)).data();
    const angles = rotationAngles(K);
    for (let at = 0; at < values.length; at += 2) {
      const t = Math.floor(at / (H * K)) % 7;
      const angle = (2 + t) * (angles[at % K] as number);
      const [a, b] = [values[at] as number, values[at + 1] as number];
      expect(turned[at]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 5);
      expect(turned[at + 1]).toBeCloseTo(b * Math.cos(angle) + a * Math.sin(angle), 5);
    }
  });
});
