/**
 * DenseMamba and Dense Mamba-2 against the equations: a second implementation, out of plain tfjs operations, that stores
 * every state h_t^l [B, T, E, N], fuses states with states and reads out the result. Mamba-2 is written as what it is: the
 * same recurrence, with one A for the channels of a head, and B and C shared by those of a group.
 */
import { disposeTree, mapTree, tensorsOf, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { expectClose, expectGradientsMatchDifferences, sampleTensor, someTokens } from '@densessm/testing';
import {
  add,
  concat,
  div,
  exp,
  expandDims,
  gather,
  keep,
  matMul,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  ones,
  onesLike,
  pad,
  reshape,
  type Scalar,
  setBackend,
  sigmoid,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  square,
  stack,
  sum,
  type Tensor,
  type Tensor2D,
  transpose,
  unstack,
  zeros,
} from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
import {
  denseMamba,
  denseMamba2,
  type Mamba2Config,
  type Mamba2Params,
  type MambaConfig,
  type MambaConnections,
  type MambaParams,
} from './index';

type Mixer = MambaParams['layers'][number]['mixer'];
type Mixer2 = Mamba2Params['layers'][number]['mixer'];
type Connection = NonNullable<Mixer['dense']['state']>;

/** What one layer computes from its tokens, per channel. */
interface Layer {
  /** [B, T, D] */
  x: Tensor;
  /** [B, T, E], as delta and z */
  u: Tensor;
  delta: Tensor;
  z: Tensor;
  /** [E, N] */
  A: Tensor;
  /** [B, T, G·N], as C: one for each group of channels */
  B: Tensor;
  C: Tensor;
  /** [E] */
  D: Tensor;
}

const need = <X>(value: X | undefined): X => {
  if (value === undefined) throw new Error('the params lack what the config calls for');
  return value;
};
const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));
const rms = (x: Tensor, weight: Tensor): Tensor => mul(div(x, sqrt(add(mean(square(x), -1, true), 1e-5))), weight);

function product(x: Tensor, w: Tensor, bias?: Tensor): Tensor {
  const rows: Tensor2D = reshape(x, [-1, w.shape[1] as number]);
  const y = reshape(matMul(rows, w as Tensor2D, false, true), [...x.shape.slice(0, -1), w.shape[0] as number]);
  return bias ? add(y, bias) : y;
}

/** The depthwise causal filter tap by tap, and SiLU. x [B, T, E], w [E, 1, W]. */
function convolve(x: Tensor, { weight, bias }: Mixer['conv1d']): Tensor {
  const [channels, , width] = weight.shape;
  const before = pad(x, [
    [0, 0],
    [width - 1, 0],
    [0, 0],
  ]);
  const taps = Array.from({ length: width }, (_, tap) =>
    mul(slice(before, [0, tap, 0], x.shape), reshape(slice(weight, [0, 0, tap], [-1, -1, 1]), [channels])),
  );
  return silu(taps.reduce((total, one) => add(total, one), bias ?? zeros([channels])));
}

function mambaLayer(p: Mixer, c: MambaConfig, x: Tensor): Layer {
  const [xs, z] = split(product(x, p.inProj.weight, p.inProj.bias), 2, -1) as [Tensor, Tensor];
  const u = convolve(xs, p.conv1d);
  const [low, B, C] = split(product(u, p.xProj), [c.timeStepRank, c.stateSize, c.stateSize], -1) as [Tensor, Tensor, Tensor];
  const delta = softplus(product(low, p.dtProj.weight, p.dtProj.bias));
  return { x, u, delta, z, A: neg(exp(p.aLog)), B, C, D: p.D };
}

/** A head's number for each of its channels: [..., H] → [..., E]. */
const perChannel = (x: Tensor, c: Mamba2Config): Tensor =>
  reshape(mul(expandDims(x, -1), ones([c.headDim])), [...x.shape.slice(0, -1), c.innerSize]);

function mamba2Layer(p: Mixer2, c: Mamba2Config, x: Tensor): Layer {
  const width = c.nGroups * c.stateSize;
  const sizes = [c.innerSize, c.innerSize + 2 * width, c.numHeads];
  const [z, xBC, dt] = split(product(x, p.inProj.weight, p.inProj.bias), sizes, -1) as [Tensor, Tensor, Tensor];
  const [u, B, C] = split(convolve(xBC, p.conv1d), [c.innerSize, width, width], -1) as [Tensor, Tensor, Tensor];
  const delta = minimum(maximum(softplus(add(dt, p.dtBias)), c.timeStepLimit[0]), Math.min(c.timeStepLimit[1], 1e30));
  const A = mul(expandDims(perChannel(neg(exp(p.aLog)), c), 1), ones([1, c.stateSize]));
  return { x, u, delta: perChannel(delta, c), z, A, B, C, D: perChannel(p.D, c) };
}

/** [B, T, G·N] → [B, T, E, N]. */
function toChannels(x: Tensor, N: number, E: number): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const groups = width / N;
  return reshape(mul(reshape(x, [batch, length, groups, 1, N]), ones([E / groups, 1])), [batch, length, E, N]);
}

/** h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t u_t, all of them: [B, T, E, N]. */
function statesOf({ u, delta, A, B }: Layer): Tensor {
  const [E, N] = A.shape as [number, number];
  const decay = unstack(exp(mul(expandDims(delta, -1), A)), 1);
  const input = unstack(mul(expandDims(mul(delta, u), -1), toChannels(B, N, E)), 1);
  const states: Tensor[] = [];
  for (const [t, b] of input.entries()) states.push(t === 0 ? b : add(mul(decay[t] as Tensor, states[t - 1] as Tensor), b));
  return stack(states, 1);
}

/** W applied along the channels of [B, T, channels, M]. */
const alongChannels = (w: Tensor, h: Tensor): Tensor => transpose(product(transpose(h, [0, 1, 3, 2]), w), [0, 1, 3, 2]);

/** Gate(x) of the source at a distance, [B, T, channels, 1]. */
function gateOf(p: Connection, c: MambaConnections, x: Tensor, distance: number, channels: number): Tensor {
  if (c.gate === 'none') return ones([1]);
  const first = c.gatePerSource ? (distance - 1) * channels : 0;
  const rows = slice(need(c.gate === 'mlp' ? p.fc2 : p.fc), [first, 0], [channels, -1]);
  return expandDims(silu(product(c.gate === 'mlp' ? silu(product(x, need(p.fc1))) : x, rows)), -1);
}

/** Fuse(h, φ(h^{l−1}), φ(h^{l−2}), …) of states [B, T, channels, M]; sources nearest first, each with its layer's input. */
function fuseStates(p: Connection, c: MambaConnections, own: Tensor, x: Tensor, sources: { h: Tensor; x: Tensor }[]): Tensor {
  const channels = own.shape[2] as number;
  const phi = sources.map(({ h }, i) => {
    const projected = c.projection === 'none' ? onesLike(h) : c.projection === 'linear' ? alongChannels(need(p.proj), h) : h;
    return mul(gateOf(p, c, x, i + 1, channels), projected);
  });
  if (c.fusion === 'concat') {
    const terms = [own, ...phi].map((h, j) => alongChannels(slice(need(p.concat), [0, j * channels], [-1, channels]), h));
    return terms.reduce((total, one) => add(total, one));
  }
  if (c.fusion === 'add') return phi.reduce((total, one) => add(total, one), own);
  const query = product(x, need(p.query));
  const scores = sources.map((source) => div(sum(mul(query, product(source.x, need(p.key))), -1, true), Math.sqrt(c.gateRank)));
  const alpha = softmax(concat(scores, -1));
  return phi.reduce((total, one, i) => add(total, mul(expandDims(slice(alpha, [0, 0, i], [-1, -1, 1]), -1), one)), own);
}

/** The layers below that layer l reads, nearest first: section 3.2 for 'layer', figure 5 for 'block'. */
function sourcesOf({ denseLayers: m, scope }: MambaConnections, l: number): number[] {
  const below = Array.from({ length: m }, (_, i) => l - 1 - i).filter((one) => one >= 0);
  return scope === 'layer' || l % m === 0 ? below : [];
}

/** y_t = C_t h'_t + D u_t for every layer, with h' by fusing states, or h' = h of fused B and u. */
function logitsByHand(p: MambaParams | Mamba2Params, c: MambaConfig | Mamba2Config, tokens: Tensor2D): Tensor {
  const dense = need(c.dense);
  const below: (Layer & { h: Tensor })[] = [];
  let residual: Tensor = gather(p.embeddings, tokens);
  for (const [l, { norm, mixer }] of p.layers.entries()) {
    const x = rms(residual, norm);
    const layer = c.family === 'mamba' ? mambaLayer(mixer as Mixer, c, x) : mamba2Layer(mixer as Mixer2, c, x);
    const sources = sourcesOf(dense, l).map((source) => below[source] as Layer & { h: Tensor });
    const raw = statesOf(layer);
    const fuseInput = (what: 'B' | 'u'): Tensor => {
      const shown = sources.map((source) => ({ h: expandDims(source[what], -1), x: source.x }));
      const connection = mixer.dense[what];
      return connection ? reshape(fuseStates(connection, dense, expandDims(layer[what], -1), x, shown), layer[what].shape) : layer[what];
    };
    const scanned = mixer.dense.u ? statesOf({ ...layer, B: fuseInput('B'), u: fuseInput('u') }) : raw;
    const h = mixer.dense.state ? fuseStates(mixer.dense.state, dense, scanned, x, sources) : scanned;
    const [, , E, N] = h.shape as [number, number, number, number];
    const y = add(sum(mul(toChannels(layer.C, N, E), h), -1), mul(layer.D, layer.u));
    const gated = mul(y, silu(layer.z));
    const closed = c.family === 'mamba' ? gated : rms(gated, (mixer as Mixer2).norm);
    residual = add(residual, product(closed, mixer.outProj.weight, mixer.outProj.bias));
    below.push({ ...layer, h: raw });
  }
  return product(rms(residual, p.normF), p.lmHead ?? p.embeddings);
}

const random = mulberry32(5);
const sizes = { vocab_size: 11, hidden_size: 6, num_hidden_layers: 4, state_size: 3, conv_kernel: 3, dense_gate_rank: 2 };
const families = {
  dense_mamba: { model: denseMamba, json: { ...sizes, model_type: 'dense_mamba', time_step_rank: 2 } },
  dense_mamba2: {
    model: denseMamba2,
    json: { ...sizes, model_type: 'dense_mamba2', num_heads: 4, head_dim: 3, n_groups: 2, time_step_limit: [0.004, 0.05] },
  },
} as const;

interface Case {
  name: string;
  family: keyof typeof families;
  choices: Record<string, unknown>;
}

/** A model of these choices with random weights, none of them zero. */
function modelOf({ family, choices }: Case, changes: Partial<Mamba2Config> = {}) {
  const { model, json } = families[family];
  const config = { ...model.parseConfig({ ...json, ...choices }), ...changes } as MambaConfig | Mamba2Config;
  const fresh = model.init(config as never, 3);
  const params = mapTree(fresh, (one) => add(one, mul(sampleTensor({ shape: one.shape }, random), 0.5)));
  disposeTree(fresh);
  const forward = (some: typeof params, tokens: Tensor2D) => model.forward(some as never, config as never, tokens);
  return { config, params, forward };
}

/** Each family with connections in either place. */
const casesOf = (list: readonly Record<string, unknown>[]): Case[] =>
  (Object.keys(families) as Case['family'][]).flatMap((family) =>
    ['state', 'input'].flatMap((dense_fusion) =>
      list.map((some) => ({ name: [family, dense_fusion, ...Object.values(some)].join(' '), family, choices: { dense_fusion, ...some } })),
    ),
  );

const everyReach = casesOf([
  ...[1, 2, 3, 7].map((dense_block_layers) => ({ dense_block_layers, dense_scope: 'layer' })),
  ...[2, 3].map((dense_block_layers) => ({ dense_block_layers, dense_scope: 'block' })),
]);
const everyChoice = casesOf(
  ['none', 'identity', 'linear'].flatMap((dense_projection) =>
    ['none', 'linear', 'mlp'].flatMap((dense_gate, i) =>
      ['add', 'concat', 'attention'].flatMap((dense_fusion_method, j) => {
        if (dense_gate === 'none' && dense_projection === 'none') return []; // nothing would be connected
        const dense_gate_per_source = dense_gate !== 'none' && (i + j) % 2 === 0;
        return [{ dense_projection, dense_gate, dense_fusion_method, dense_gate_per_source, dense_block_layers: 2, num_hidden_layers: 3 }];
      }),
    ),
  ),
).filter(({ choices }, i) => choices.dense_fusion === 'state' || i % 2 === 0); // B and u are fused by the code that fuses states

describe('the dense models and the equations with every state stored', () => {
  beforeAll(() => setBackend('cpu'));

  it.each([...everyReach, ...everyChoice])('agree in outputs and gradients: $name', async (one) => {
    const { config, params, forward } = modelOf(one);
    const tokens = someTokens(2, 4, 11);
    const weights = sampleTensor({ shape: [2, 4, 11] }, random);
    const through = (logitsOf: (some: typeof params) => Tensor) => {
      let logits = zeros([1]);
      const loss = (some: typeof params): Scalar => {
        logits = keep(logitsOf(some));
        return sum(mul(logits, weights));
      };
      return { ...valueAndGrads(loss, params), logits };
    };
    const [want, got] = [through((some) => logitsByHand(some, config, tokens)), through((some) => forward(some, tokens))];
    await expectClose('logits', want.logits, got.logits, 1e-5);
    const gradients = new Map([...tensorsOf(got.grads)].map(([path, gradient]) => [path.join('.'), gradient]));
    for (const [path, gradient] of tensorsOf(want.grads))
      await expectClose(path.join('.'), gradient, gradients.get(path.join('.')) ?? [], 1e-4, 1e-2);
    disposeTree([params, tokens, weights, want, got]);
  });

  it.each(everyReach.filter(({ choices }) => choices.dense_block_layers === 2 && choices.dense_scope === 'layer'))(
    'have gradients that match differences: $name',
    async (one) => {
      // a step across a bound of Δ would have no one slope
      const { params, forward } = modelOf(one, { timeStepLimit: [0, Infinity], numHiddenLayers: 3 });
      const tokens = someTokens(1, 3, 11);
      const weights = sampleTensor({ shape: [1, 3, 11] }, random);
      const loss = (some: typeof params): Scalar => tidyTree(() => sum(mul(forward(some, tokens), weights)));
      await expectGradientsMatchDifferences(loss, params, { random, step: 5e-3 });
      disposeTree([params, tokens, weights]);
    },
  );
});
