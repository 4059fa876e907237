/** AdamW: Loshchilov and Hutter 2019, arXiv:1711.05101, Alg. 2, in the order of torch.optim.AdamW. */
import { adamwStep } from '@densessm/kernels';
import type { Tensor } from '@tensorflow/tfjs-core';
import { checkNumbers } from '../options';
import { Moments } from './moments';
import { decaysByDefault, type Optimizer, type OptimizerState, type ParamRule, type ParamStep, type Update, updateEach } from './optimizer';

export interface AdamWOptions {
  /** 0.9 unless given. */
  beta1?: number;
  /** 0.999 unless given. */
  beta2?: number;
  /** 1e-8 unless given. */
  eps?: number;
  /** Decoupled; 0.01 unless given, as in torch. */
  weightDecay?: number;
  /** Which parameters decay. Unless given: matrices, embeddings and filters, not what has one axis, nor the A of a state space model. */
  decays?: ParamRule;
}

/** @throws SsmError OPTION */
export const adamW = (options: AdamWOptions = {}): Optimizer => new AdamW(options);

class AdamW implements Optimizer {
  readonly name = 'adamw';
  readonly takesMeasures = true;
  readonly #rule: AdamWRule;

  constructor(options: AdamWOptions) {
    this.#rule = new AdamWRule('adamW', options, new Moments('adamW', ['mean', 'square']));
  }

  update<P extends object>(update: Update<P>): P {
    this.#rule.moments.begin();
    return updateEach(update, (step) => this.#rule.next(step));
  }
  state(): OptimizerState {
    return this.#rule.moments.state();
  }
  load(state: OptimizerState): void {
    this.#rule.moments.load(state);
  }
  leaveOut(): void {
    this.#rule.moments.stepBack();
  }
  dispose(): void {
    this.#rule.moments.dispose();
  }
}

/** The step of one parameter, for optimizers that treat others differently. */
export class AdamWRule {
  readonly #options: Required<AdamWOptions>;

  constructor(
    where: string,
    options: AdamWOptions,
    readonly moments: Moments,
  ) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, decays: decaysByDefault, ...given };
    const { decays: _, ...numbers } = this.#options;
    const below1 = { min: 0, max: 1 - Number.EPSILON };
    checkNumbers(where, numbers, { beta1: below1, beta2: below1, eps: { min: 0 }, weightDecay: { min: 0 } });
  }

  next({ leaf, param, grad, learningRate, gradientScale, measures }: ParamStep): Tensor {
    const { beta1, beta2, eps, weightDecay, decays } = this.#options;
    const averages = { mean: this.moments.get('mean', leaf), square: this.moments.get('square', leaf) };
    const inputs = { param, grad, ...averages, measured: measures?.measured };
    const [value, mean, square] = adamwStep(inputs, {
      learningRate,
      beta1,
      beta2,
      eps,
      weightDecay: decays(leaf) ? weightDecay : 0,
      step: this.moments.nextStep(leaf),
      gradientScale,
      largestNorm: measures?.largestNorm ?? 0,
    });
    this.moments.set('mean', leaf, mean);
    this.moments.set('square', leaf, square);
    return value;
  }
}
