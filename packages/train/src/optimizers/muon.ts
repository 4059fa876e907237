/**
 * Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/, in the form of torch.optim.Muon, for the matrices inside the layers;
 * AdamW for embeddings, head, filters and all that is no matrix, as its authors advise.
 */
import { matMul } from '@densessm/kernels';
import type { ParamLeaf } from '@densessm/ssm-core';
import { add, div, maximum, mul, norm, sub, type Tensor, type Tensor2D, tidy, transpose } from '@tensorflow/tfjs-core';
import { badOption, checkNumbers } from '../options';
import { type AdamWOptions, AdamWRule } from './adamw';
import { Moments } from './moments';
import { decaysByDefault, type Optimizer, type OptimizerState, type ParamRule, type ParamStep, type Update, updateEach } from './optimizer';

/** Of AdamW's options, `weightDecay` and `decays` hold for all parameters, the others for those that AdamW trains. */
export interface MuonOptions extends AdamWOptions {
  /** 0.95 unless given. */
  momentum?: number;
  /** True unless given. */
  nesterov?: boolean;
  /** Iterations of Newton and Schulz; 5 unless given. */
  iterations?: number;
  /**
   * What the learning rate of a matrix [out, in] is multiplied by. 'match-adamw' (the default): 0.2 √max(out, in), so that steps are as
   * large as AdamW's and one learning rate serves both (Liu et al. 2025, arXiv:2502.16982). 'original': √max(1, out / in).
   */
  adjustment?: 'match-adamw' | 'original' | 'none';
  /** Which matrices Muon trains. Unless given: those that decay and whose name lies inside a layer. */
  orthogonalizes?: ParamRule;
}

/** @throws SsmError OPTION */
export const muon = (options: MuonOptions = {}): Optimizer => new Muon(options);

const isHiddenMatrix: ParamRule = ({ name, shape, decay }) => decay && shape.length === 2 && /(^|\.)layers\.\d+\./.test(name);

/** What a learning rate is multiplied by, for a matrix [out, in]. */
const ADJUSTMENTS: Readonly<Record<Required<MuonOptions>['adjustment'], (out: number, input: number) => number>> = {
  'match-adamw': (out, input) => 0.2 * Math.sqrt(Math.max(out, input)),
  original: (out, input) => Math.sqrt(Math.max(1, out / input)),
  none: () => 1,
};

class Muon implements Optimizer {
  readonly name = 'muon';
  readonly #moments = new Moments('muon', ['momentum', 'mean', 'square']);
  readonly #rest: AdamWRule;
  readonly #options: Required<Omit<MuonOptions, keyof AdamWOptions>> & Pick<Required<AdamWOptions>, 'weightDecay' | 'decays'>;

  constructor(options: MuonOptions) {
    const { momentum = 0.95, nesterov = true, iterations = 5, adjustment = 'match-adamw', orthogonalizes = isHiddenMatrix } = options;
    const { weightDecay = 0.01, decays = decaysByDefault } = options;
    checkNumbers(
      'muon',
      { momentum, iterations },
      { momentum: { min: 0, max: 1 - Number.EPSILON }, iterations: { min: 1, max: 99, whole: true } },
    );
    if (!Object.hasOwn(ADJUSTMENTS, adjustment))
      throw badOption('muon', 'adjustment', Object.keys(ADJUSTMENTS).join(', '), String(adjustment));
    const { beta1, beta2, eps } = options;
    this.#rest = new AdamWRule('muon', { beta1, beta2, eps, weightDecay, decays }, this.#moments);
    this.#options = { momentum, nesterov, iterations, adjustment, orthogonalizes, weightDecay, decays };
  }

  update<P extends object>(update: Update<P>): P {
    const { orthogonalizes } = this.#options;
    return updateEach(update, (step) => (orthogonalizes(step.leaf) ? this.#next(step) : this.#rest.next(step)));
  }

  /** m ← μ m + (1 − μ) g;  θ ← (1 − ηλ) θ − η' orthogonalized m, or of (1 − μ) g + μ m after Nesterov. */
  #next({ leaf, param, grad, learningRate, gradientScale }: ParamStep): Tensor {
    const { momentum, nesterov, iterations, adjustment, weightDecay, decays } = this.#options;
    const before = this.#moments.get('momentum', leaf);
    const [out, input] = matrixShape(leaf);
    const rate = learningRate * ADJUSTMENTS[adjustment](out, input);
    const [value, mean] = tidy((): [Tensor, Tensor] => {
      const fresh = mul(grad, gradientScale * (1 - momentum));
      const m: Tensor = add(mul(before, momentum), fresh);
      const direction = orthogonalized((nesterov ? add(fresh, mul(m, momentum)) : m) as Tensor2D, iterations);
      const decayed = decays(leaf) ? mul(param, 1 - learningRate * weightDecay) : param;
      return [sub(decayed, mul(direction, rate)), m];
    });
    this.#moments.set('momentum', leaf, mean);
    return value;
  }

  state(): OptimizerState {
    return this.#moments.state();
  }
  load(state: OptimizerState): void {
    this.#moments.load(state);
  }
  dispose(): void {
    this.#moments.dispose();
  }
}

function matrixShape({ name, shape }: ParamLeaf): [out: number, input: number] {
  const [out, input] = shape;
  if (shape.length === 2 && out !== undefined && input !== undefined) return [out, input];
  throw badOption('muon', 'orthogonalizes', 'matrices only', `${name} [${shape.join(', ')}]`, 'leave it to AdamW');
}

/** Chosen by Jordan for the steepest slope at zero: singular values end within about 0.5 to 1.5, not at 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/**
 * The nearest matrix with singular values about 1, by the iteration of Newton and Schulz of fifth order:
 * X ← a X + (b XXᵀ + c (XXᵀ)²) X, from X = G / ‖G‖. In float32, where the original takes bfloat16.
 */
export function orthogonalized(gradient: Tensor2D, iterations: number): Tensor2D {
  return tidy(() => {
    const [out, input] = gradient.shape;
    // XXᵀ is of the size of the shorter side
    const start: Tensor2D = out > input ? transpose(gradient) : gradient;
    let x: Tensor2D = div(start, maximum(norm(start), 1e-7));
    for (let i = 0; i < iterations; i++) {
      const gram = matMul({ a: x, b: x }, { transposeB: true });
      const polynomial = add(mul(gram, B), mul(matMul({ a: gram, b: gram }), C));
      x = add(mul(x, A), matMul({ a: polynomial, b: x }));
    }
    return out > input ? transpose(x) : x;
  });
}
