import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { type AnyModel, disposeTree, mapTree, type ScanReading, tensorsOf } from '@densessm/ssm-core';
import { memory, randomNormal, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { inspect } from './inspect';

const sizes = { vocab_size: 23, hidden_size: 8, num_hidden_layers: 3 };
const heads = {
  decoder_embed_dim: 8,
  decoder_layers: 3,
  decoder_retention_heads: 2,
  decoder_value_embed_dim: 12,
  decoder_ffn_embed_dim: 10,
};
const dense = { dense_block_layers: 2, dense_gate_rank: 3 };
const small = { ...sizes, state_size: 4 };
const byHead = { ...sizes, state_size: 6, num_heads: 4, head_dim: 4, n_groups: 2 };
const MODELS: Readonly<Record<string, { model: AnyModel; json: object; plain?: { model: AnyModel; json: object } }>> = {
  mamba: { model: mamba, json: { model_type: 'mamba', ...small } },
  'mamba, dense states': {
    model: denseMamba,
    json: { model_type: 'dense_mamba', ...small, ...dense },
    plain: { model: mamba, json: { model_type: 'mamba', ...small } },
  },
  'mamba, dense inputs': {
    model: denseMamba,
    json: { model_type: 'dense_mamba', ...small, ...dense, dense_fusion: 'input' },
    plain: { model: mamba, json: { model_type: 'mamba', ...small } },
  },
  'mamba 2, dense states': {
    model: denseMamba2,
    json: { model_type: 'dense_mamba2', ...byHead, ...dense },
    plain: { model: mamba2, json: { model_type: 'mamba2', ...byHead } },
  },
  'retnet, dense': {
    model: retnet,
    json: { model_type: 'retnet', vocab_size: 23, ...heads, ...dense },
    plain: { model: retnet, json: { model_type: 'retnet', vocab_size: 23, ...heads } },
  },
  'dense retnet': {
    model: denseRetNet,
    json: { ...sizes, ...dense, num_attention_heads: 2, query_key_dim: 4, v_factor: 2 },
  },
};
const tokens = [3, 11, 4, 4, 19, 0, 7];
const T = tokens.length;

/** A model with weights that are no longer fresh: open gates, no symmetric start. */
function made({ model, json }: { model: AnyModel; json: object }) {
  const config = model.parseConfig(json) as object;
  const fresh = model.init(config, 5) as object;
  const params = mapTree(fresh, (tensor, path) => {
    const name = path.join('.');
    if (tensor.rank !== 2 || name.endsWith('aLog')) return tensor.clone();
    const seed = [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 65521, 7); // the same in the dense model and in the plain one
    return randomNormal(tensor.shape, 0, 0.4, 'float32', seed);
  });
  disposeTree(fresh);
  return { model, config, params };
}

const normOf = (tensor: Tensor): number => Math.hypot(...tensor.dataSync());
const logSoftmax = (row: readonly number[]): number[] => {
  const sum = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
  return row.map((value) => value - sum);
};

/** What each layer's scan reads, by the model itself. */
function readingsOf({
  model,
  config,
  params,
}: ReturnType<typeof made>): { kind: string; arrays: Record<string, { shape: number[]; values: number[] }> }[] {
  const found: { kind: string; arrays: Record<string, { shape: number[]; values: number[] }> }[] = [];
  const onScan = (layer: number, { kind, ...tensors }: ScanReading): void => {
    const entries = Object.entries<Tensor>(tensors).map(([name, one]) => [name, { shape: one.shape, values: [...one.dataSync()] }]);
    found[layer] = { kind, arrays: Object.fromEntries(entries) };
  };
  model.forward(params, config, [tokens], { onScan }).dispose();
  return found;
}

describe.each(Object.entries(MODELS))('inspect: %s', (_, given) => {
  it('gives the norms of the states that reading token by token leaves', async () => {
    const bundle = made(given);
    const { model, config, params } = bundle;
    const { layers } = await inspect(bundle, tokens, { parts: ['state'] });
    let state = model.initialState(config, 1) as { layers: Record<string, Tensor>[] };
    for (const [t, token] of tokens.entries()) {
      const [logits, next] = model.advance(params, config, [[token]], state) as [Tensor, typeof state];
      disposeTree([logits, state]);
      state = next;
      for (const [l, layer] of state.layers.entries())
        expect(layers[l]?.stateNorm[t]).toBeCloseTo(normOf((layer.ssm ?? layer.kv) as Tensor), 4);
    }
    disposeTree([state, params]);
  });

  it('gives hidden attention as a sum over every product of decays', async () => {
    const bundle = made(given);
    const { layers } = await inspect(bundle, tokens, { parts: ['attention', 'forgetting'] });
    for (const [l, { kind, arrays }] of readingsOf(bundle).entries()) {
      const naive = kind === 'selective' ? naiveSelective(arrays) : naiveDecay(arrays);
      const sums = naive.weights.map((row) => row.reduce((sum, one) => sum + one, 0));
      for (let t = 0; t < T; t++)
        for (let s = 0; s < T; s++)
          expect(layers[l]?.attention[t * T + s]).toBeCloseTo((naive.weights[t]?.[s] as number) / (sums[t] as number), 5);
      expect(layers[l]?.halfLife.length).toBe(naive.halfLives.length);
      for (const [i, value] of naive.halfLives.entries()) expect((layers[l]?.halfLife[i] as number) / value).toBeCloseTo(1, 4);
    }
    disposeTree(bundle.params);
  });

  it('says how surprising each token is, and at the last layer the same as the lens', async () => {
    const bundle = made(given);
    const { surprise, layers } = await inspect(bundle, tokens, { lensSize: 4, parts: ['lens'] });
    const logits = bundle.model.forward(bundle.params, bundle.config, [tokens]);
    const rows = (logits.arraySync() as number[][][])[0] as number[][];
    logits.dispose();
    expect(surprise[0]).toBeNaN();
    for (let t = 0; t < T; t++) {
      const all = logSoftmax(rows[t] as number[]);
      if (t + 1 < T) expect(surprise[t + 1]).toBeCloseTo(-(all[tokens[t + 1] as number] as number), 4);
      const best = all.map((value, id) => ({ id, value })).sort((a, b) => b.value - a.value);
      for (let k = 0; k < 4; k++) {
        expect(layers.at(-1)?.lens.ids[t * 4 + k]).toBe(best[k]?.id);
        expect(layers.at(-1)?.lens.logprobs[t * 4 + k]).toBeCloseTo(best[k]?.value as number, 4);
      }
    }
    expect(layers.at(-1)?.lensSurprise.subarray(0, T - 1)).toEqual(surprise.subarray(1));
    disposeTree(bundle.params);
  });

  it('leaves no tensor behind', async () => {
    const bundle = made(given);
    const before = memory().numTensors;
    const trace = await inspect(bundle, tokens, { closeGates: true });
    expect(memory().numTensors).toBe(before);
    for (const { kept } of trace.layers) {
      expect(kept).toHaveLength(T);
      expect(kept[0]).toBe(0);
      expect(kept.every((share) => share >= 0 && share <= 1)).toBe(true);
    }
    disposeTree(bundle.params);
  });
});

describe.each(Object.entries(MODELS).filter(([, { plain }]) => plain))('inspect with closed gates: %s', (_, given) => {
  it('shows what the plain model does with the same weights', async () => {
    const bundle = made(given);
    const plain = made(given.plain as { model: AnyModel; json: object });
    const [open, closed, same] = await Promise.all([
      inspect(bundle, tokens),
      inspect(bundle, tokens, { closeGates: true }),
      inspect(plain, tokens),
    ]);
    for (let t = 1; t < T; t++) expect(closed.surprise[t]).toBeCloseTo(same.surprise[t] as number, 4);
    expect(Math.hypot(...[...open.surprise.slice(1)].map((one, t) => one - (closed.surprise[t + 1] as number)))).toBeGreaterThan(1e-3);
    expect(closed.gatesClosed).toBe(true);
    for (const { gates } of closed.layers) for (const { values } of gates) expect(values.every((value) => value === 0)).toBe(true);
    expect(open.layers.map(({ sources }) => [...sources])).toEqual([[], [0], [0, 1]]);
    expect(same.layers.flatMap(({ gates }) => gates)).toEqual([]);
    disposeTree([bundle.params, plain.params]);
  });

  it('shows the gates that the model computes', async () => {
    const bundle = made(given);
    const { layers } = await inspect(bundle, tokens, { parts: ['gates'] });
    const gates = bundle.model.gates?.(bundle.params, bundle.config, [tokens]) ?? [];
    expect(layers.flatMap(({ layer, gates: all }) => all.map(({ name }) => `${layer} ${name}`))).toEqual(
      gates.map(({ layer, name }) => `${layer} ${name}`),
    );
    const [gate] = gates;
    const shown = layers[gate?.layer as number]?.gates[0];
    expect([...(shown?.values ?? [])]).toEqual([...(gate?.values.dataSync() ?? [])]);
    const first = [...(shown?.values.subarray(0, shown.width) ?? [])];
    expect(shown?.strength[0]).toBeCloseTo(first.reduce((sum, value) => sum + Math.abs(value), 0) / first.length, 5);
    disposeTree([gates, bundle.params]);
  });
});

describe('inspect', () => {
  const given = MODELS.mamba as (typeof MODELS)[string];

  it('computes only the parts that are asked for', async () => {
    const bundle = made(given);
    const { layers } = await inspect(bundle, tokens, { parts: [] });
    for (const layer of layers) {
      expect(
        [layer.stateNorm, layer.kept, layer.halfLife, layer.attention, layer.lens.ids, layer.lensSurprise].map(({ length }) => length),
      ).toEqual([0, 0, 0, 0, 0, 0]);
      expect(layer.gates).toEqual([]);
    }
    disposeTree(bundle.params);
  });

  it('ends with the reason of its signal', async () => {
    const bundle = made(given);
    const before = memory().numTensors;
    const stop = new AbortController();
    const looking = inspect(bundle, tokens, { signal: stop.signal });
    stop.abort(new Error('seen enough'));
    await expect(looking).rejects.toThrow('seen enough');
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it.each([{ lensSize: -1 }, { parts: ['colors'] as never }])('refuses %o', async (options) => {
    const bundle = made(given);
    await expect(inspect(bundle, tokens, options)).rejects.toMatchObject({ code: 'OPTION' });
    disposeTree([...tensorsOf(bundle.params)].map(([, tensor]) => tensor));
  });
});

type Arrays = Record<string, { shape: number[]; values: number[] }>;
const at = (one: { shape: number[]; values: number[] } | undefined, ...place: number[]): number =>
  one?.values[place.reduce((index, i, axis) => index * (one.shape[axis] as number) + i, 0)] as number;

/** Every product of decays anew, from the paper's formula. */
function naiveSelective({ delta, A = { shape: [], values: [] }, B, C }: Arrays): { weights: number[][]; halfLives: number[] } {
  const [E, N] = A.shape as [number, number];
  const weights = Array.from({ length: T }, (_, t) =>
    Array.from({ length: T }, (_, s) => (s > t ? 0 : mean(E, (e) => Math.abs(one(e, t, s))))),
  );
  function one(e: number, t: number, s: number): number {
    let sum = 0;
    for (let n = 0; n < N; n++) {
      let product = at(C, 0, t, n) * at(delta, 0, s, e) * at(B, 0, s, n);
      for (let k = s + 1; k <= t; k++) product *= Math.exp(at(delta, 0, k, e) * at(A, e, n));
      sum += product;
    }
    return sum;
  }
  const halfLife = (i: number): number => Math.LN2 / mean(T, (t) => -at(A, Math.floor(i / N), i % N) * at(delta, 0, t, Math.floor(i / N)));
  return { weights, halfLives: Array.from({ length: E * N }, (_, i) => halfLife(i)) };
}

function naiveDecay({ q, k, logDecay }: Arrays): { weights: number[][]; halfLives: number[] } {
  const [H, K] = [q?.shape[2] as number, q?.shape[3] as number];
  const decay = (t: number, h: number): number => (logDecay?.shape.length === 1 ? at(logDecay, h) : at(logDecay, 0, t, h));
  function one(h: number, t: number, s: number): number {
    let sum = 0;
    for (let i = 0; i < K; i++) sum += at(q, 0, t, h, i) * at(k, 0, s, h, i);
    for (let r = s + 1; r <= t; r++) sum *= Math.exp(decay(r, h));
    return Math.abs(sum);
  }
  const weights = Array.from({ length: T }, (_, t) => Array.from({ length: T }, (_, s) => (s > t ? 0 : mean(H, (h) => one(h, t, s)))));
  return { weights, halfLives: Array.from({ length: H }, (_, h) => Math.LN2 / mean(T, (t) => -decay(t, h))) };
}

function mean(count: number, of: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += of(i);
  return sum / count;
}
