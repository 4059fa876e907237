import { bias, disposeTree, type Gradients, gain, type Params, type SpecTree, tensorsOf, weight } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { memory, setBackend, type Tensor, type Tensor2D, tensor, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import record from '../../fixtures/optimizers.json';
import { adamW } from './adamw';
import { clipFactor, gradientNorm } from './clip';
import { muon, orthogonalized } from './muon';
import type { Optimizer } from './optimizer';
import { sgd } from './sgd';

type Shapes = Record<string, readonly number[]>;
type Values = Record<string, readonly number[]>;

interface Options {
  lr: number;
  momentum?: number;
  nesterov?: boolean;
  weight_decay?: number;
  adjust_lr_fn?: string;
}

const everything = () => true;

function optimizerOf(kind: string, { momentum, nesterov, weight_decay: weightDecay, adjust_lr_fn: adjust }: Options): Optimizer {
  if (kind === 'sgd') return sgd({ momentum, nesterov, weightDecay, decays: everything });
  const adjustment = adjust === 'match_rms_adamw' ? 'match-adamw' : 'original';
  return muon({ momentum, nesterov, weightDecay, adjustment, decays: everything, orthogonalizes: everything });
}

const tree = (values: Values, shapes: Shapes) =>
  Object.fromEntries(Object.entries(values).map(([name, list]) => [name, tensor([...list], [...(shapes[name] ?? [])])]));

const specOf = (shapes: Shapes): SpecTree =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, weight(`layers.0.${name}`, shape as [number, number])]));

describe.each(['cpu', 'wasm'])('an optimizer on %s', (backend) => {
  const cases = record.optimizers.map((one) => ({ ...one, title: `${one.kind} ${JSON.stringify(one.options)}` }));
  it.each(cases)('takes the steps of torch: $title', async ({ kind, options, start, grads, after }) => {
    await setBackend(backend);
    const before = memory().numTensors;
    const [shapes, spec] = [record.shapes, specOf(record.shapes)];
    const optimizer = optimizerOf(kind, options);
    let params = tree(start, shapes);
    for (const [step, gradients] of grads.entries()) {
      const fresh = tree(gradients, shapes);
      params = optimizer.update({ spec, params, grads: fresh as Gradients<typeof params>, learningRate: options.lr });
      disposeTree(fresh);
      // Muon's five iterations multiply float32 noise of 1e-7 by up to 3.4 each
      const tolerance = kind === 'muon' ? 1e-4 : 1e-6;
      for (const [name, param] of Object.entries(params)) {
        await expectClose(`step ${step}: ${name}`, after[step]?.[name as 'tall'] ?? [], param, tolerance);
      }
    }
    disposeTree(params);
    optimizer.dispose();
    expect(memory().numTensors, 'tensors left behind').toBe(before);
  });
});

const spec = {
  embeddings: weight('embeddings.weight', [3, 2]),
  layers: [
    {
      matrix: weight('layers.0.matrix.weight', [2, 2]),
      aLog: weight('layers.0.A_log', [2, 2], { decay: false }),
      bias: bias('layers.0.bias', 2),
      norm: gain('layers.0.norm.weight', 2),
    },
  ],
};
type Small = Params<typeof spec>;

const filled = (value: number): Small => ({
  embeddings: tensor2d(Array(6).fill(value), [3, 2]),
  layers: [
    {
      matrix: tensor2d(Array(4).fill(value), [2, 2]),
      aLog: tensor2d(Array(4).fill(value), [2, 2]),
      bias: tensor1d([value, value]),
      norm: tensor1d([value, value]),
    },
  ],
});

const firstValues = async (params: object): Promise<Record<string, number>> => {
  const found: Record<string, number> = {};
  for (const [path, one] of tensorsOf(params)) found[path.join('.')] = (await one.data())[0] as number;
  return found;
};

describe('decoupled weight decay', () => {
  it('touches matrices and embeddings, not norms, biases and A', async () => {
    await setBackend('wasm');
    const optimizer = adamW({ weightDecay: 0.5 });
    const grads = filled(0);
    const params = optimizer.update({ spec, params: filled(1), grads: grads as Gradients<Small>, learningRate: 0.1 });
    expect(await firstValues(params)).toEqual({
      embeddings: Math.fround(0.95),
      'layers.0.matrix': Math.fround(0.95),
      'layers.0.aLog': 1,
      'layers.0.bias': 1,
      'layers.0.norm': 1,
    });
    disposeTree([params, grads]);
    optimizer.dispose();
  });

  it.each([
    ['adamW', adamW({ weightDecay: 0.5 })],
    ['sgd', sgd({ weightDecay: 0.5, momentum: 0.9 })],
    ['muon', muon({ weightDecay: 0.5 })],
  ])('leaves a parameter without a gradient alone: %s', async (_, optimizer) => {
    await setBackend('wasm');
    const params = filled(1);
    const grads = { embeddings: null, layers: [{ matrix: null, aLog: null, bias: null, norm: tensor1d([1, 1]) }] };
    const next = optimizer.update({ spec, params, grads, learningRate: 0.1 });
    const { 'layers.0.norm': norm, ...others } = await firstValues(next);
    expect(norm).toBeLessThan(1);
    expect(new Set(Object.values(others))).toEqual(new Set([1]));
    expect(next.embeddings).toBe(params.embeddings);
    disposeTree([next, grads]);
    optimizer.dispose();
  });
});

describe('muon', () => {
  it('trains the matrices inside layers, and AdamW the rest', () => {
    const optimizer = muon();
    const grads = filled(0.5);
    const params = optimizer.update({ spec, params: filled(1), grads: grads as Gradients<Small>, learningRate: 0.1 });
    expect(Object.keys(optimizer.state().tensors).sort()).toEqual([
      'mean.embeddings.weight',
      'mean.layers.0.A_log',
      'mean.layers.0.bias',
      'mean.layers.0.norm.weight',
      'momentum.layers.0.matrix.weight',
      'square.embeddings.weight',
      'square.layers.0.A_log',
      'square.layers.0.bias',
      'square.layers.0.norm.weight',
    ]);
    disposeTree([params, grads]);
    optimizer.dispose();
  });

  it('makes singular values of about 1, large and small ones alike', async () => {
    await setBackend('cpu');
    const x = orthogonalized(tensor2d([100, 0, 0, 0, 3, 0], [2, 3]), 5);
    const [a, b, c, d, e, f] = [...(await x.data())];
    expect([b, c, d, f]).toEqual([0, 0, 0, 0]);
    for (const value of [a, e]) expect(Math.abs((value as number) - 1)).toBeLessThan(0.5);
    x.dispose();
  });
});

describe('the state of an optimizer', () => {
  it('is refused by another one', () => {
    const zero: Tensor2D = tensor2d([[0]]);
    const load = () => sgd({ momentum: 0.9 }).load({ tensors: { 'mean.x': zero }, counters: {} });
    expect(load).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: sgd: the state belongs to another optimizer.
        expected  momentum.<parameter>
        got       mean.x
        fix       continue with the optimizer that the checkpoint was made with, or start without its state]
    `);
    zero.dispose();
  });
});

describe('clipping', () => {
  it('takes the norm of all gradients together, nulls aside', async () => {
    await setBackend('wasm');
    const grads = { a: tensor1d([3, 0]), b: [tensor2d([[4]]), null] };
    const total: Tensor = gradientNorm(grads);
    expect([...(await total.data())]).toEqual([5]);
    disposeTree([grads, total]);
  });

  it.each([
    [5, 1, 1 / (5 + 1e-6)],
    [0.5, 1, 1],
    [0, 1, 1],
  ])('of norm %d to at most %d', (norm, largest, factor) => {
    expect(clipFactor(norm, largest)).toBe(factor);
  });
});

it.each([
  ['adamW: `beta2`', () => adamW({ beta2: 1 })],
  ['adamW: `weightDecay`', () => adamW({ weightDecay: Number.NaN })],
  ['sgd: `nesterov`', () => sgd({ nesterov: true })],
  ['muon: `iterations`', () => muon({ iterations: 0 })],
])('refuses bad options: %s', (message, make) => {
  expect(make).toThrow(`${message} cannot be used`);
});
