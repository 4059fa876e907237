import { bindShapes, SsmError } from '@densessm/ssm-core';
import { add, clone, mul, scalar, type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';
import { attentionWeights, fuseByAdding, fuseByConcat } from './hidden-fusion';
import { selectiveTransition } from './selective-transition';
import type { DenseParams } from './spec';

export interface DenseInputs {
  /** The layer's own state h^l, [B, T, W]. */
  own: Tensor3D;
  /** The states h^{l−n} … h^{l−1} of the layers that {@link denseSources} names, oldest first, [B, T, W] each. */
  sources: readonly Tensor3D[];
  /** The layer's (normed) input, which gates and queries read, [B, T, D]. */
  x: Tensor3D;
  /** The same of the source layers, oldest first. Only attention reads them. */
  sourceInputs?: readonly Tensor3D[];
  /** What takes a source's place under projection 'none'; broadcasts to [B, T, W]. 1 unless given. */
  unit?: Tensor;
}

const FIX = 'pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]';

/**
 * h' = Fuse(h, [φ(h^{l−1}); …; φ(h^{l−n})]), arXiv:2403.00818, section 3.2, n ≤ m. Without a source h' = h.
 * φ is linear in h. So attention may weight the states before φ, and where all sources share their gate the states are
 * summed first: one projection and one product for any m, equal up to rounding.
 * @throws SsmError SHAPE, OPTION or WEIGHTS
 */
export function denseConnect(params: DenseParams, config: DenseConfig, inputs: DenseInputs): Tensor3D {
  const { own, x } = inputs;
  const width = checkInputs(config, inputs);
  if (inputs.sources.length === 0) return clone(own);
  return tidy(() => {
    const states = nearestFirst(config.projection === 'none' ? inputs.sources.map(() => inputs.unit ?? scalar(1)) : inputs.sources);
    if (config.fusion === 'concat') return fuseByConcat(params, own, selectiveTransition(params, config, x, states, width));
    const weighted = config.fusion === 'attention' ? weigh(params, config, inputs, states) : states;
    const terms = config.gatePerSource ? weighted : [weighted.reduce((total, one) => add(total, one))];
    return fuseByAdding(own, selectiveTransition(params, config, x, terms, width));
  });
}

const nearestFirst = <T>(list: readonly T[]): T[] => [...list].reverse();

/** α_i h_i for every source. */
function weigh(params: DenseParams, config: DenseConfig, { x, sourceInputs = [] }: DenseInputs, states: readonly Tensor[]): Tensor[] {
  const alpha = attentionWeights(params, config, x, nearestFirst(sourceInputs));
  return states.map((h, i) => mul(h, alpha[i] as Tensor3D));
}

/** Returns W. */
function checkInputs(config: DenseConfig, { own, sources, x, sourceInputs = [], unit }: DenseInputs): number {
  if (sources.length > config.denseLayers)
    throw refusal('OPTION', 'sources', `at most ${config.denseLayers}, the dense layers of the config`, String(sources.length));
  if (config.fusion === 'attention' && sourceInputs.length !== sources.length)
    throw refusal('OPTION', 'sourceInputs', `${sources.length}, one per source`, String(sourceInputs.length));
  const { W } = bindShapes('denseConnect', FIX, {
    own: [own, ['B', 'T', 'W']],
    x: [x, ['B', 'T', 'D']],
    ...Object.fromEntries(sources.map((source, i) => [`sources[${i}]`, [source, ['B', 'T', 'W']] as const])),
    ...Object.fromEntries(sourceInputs.map((input, i) => [`sourceInputs[${i}]`, [input, ['B', 'T', 'D']] as const])),
  });
  if (unit && !broadcasts(unit.shape, own.shape))
    throw refusal('SHAPE', 'unit', `a shape that broadcasts to [${own.shape.join(', ')}]`, `[${unit.shape.join(', ')}]`);
  return W;
}

const broadcasts = (shape: number[], whole: number[]): boolean =>
  shape.length <= whole.length && shape.every((size, i) => size === 1 || size === whole[i + whole.length - shape.length]);

const refusal = (code: 'OPTION' | 'SHAPE', name: string, expected: string, got: string): SsmError =>
  new SsmError({
    code,
    what: `denseConnect: \`${name}\` ${code === 'SHAPE' ? 'has the wrong shape' : 'has the wrong length'}.`,
    expected,
    got,
    fix: FIX,
  });
