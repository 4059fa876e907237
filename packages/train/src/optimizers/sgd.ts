/** Stochastic gradient descent with momentum: Sutskever et al. 2013, in the form of torch.optim.SGD. */
import { add, mul, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { badOption, checkNumbers } from '../options';
import { Moments } from './moments';
import { decaysByDefault, type Optimizer, type OptimizerState, type ParamRule, type ParamStep, type Update, updateEach } from './optimizer';

export interface SgdOptions {
  /** 0 unless given. */
  momentum?: number;
  /** False unless given. */
  nesterov?: boolean;
  /** Added to the gradient, as torch does, not decoupled; 0 unless given. */
  weightDecay?: number;
  /** Which parameters decay: as `adamW`'s unless given. */
  decays?: ParamRule;
}

/** @throws SsmError OPTION */
export const sgd = (options: SgdOptions = {}): Optimizer => new Sgd(options);

class Sgd implements Optimizer {
  readonly name = 'sgd';
  readonly #moments = new Moments('sgd', ['momentum']);
  readonly #options: Required<SgdOptions>;

  constructor({ momentum = 0, nesterov = false, weightDecay = 0, decays = decaysByDefault }: SgdOptions) {
    checkNumbers('sgd', { momentum, weightDecay }, { momentum: { min: 0, max: 1 - Number.EPSILON }, weightDecay: { min: 0 } });
    if (nesterov && momentum === 0) throw badOption('sgd', 'nesterov', 'a momentum above 0 with it', 'momentum 0', 'give a momentum');
    this.#options = { momentum, nesterov, weightDecay, decays };
  }

  update<P extends object>(update: Update<P>): P {
    return updateEach(update, (step) => this.#next(step));
  }

  /** v ← μ v + g;  θ ← θ − η v, or θ − η (g + μ v) after Nesterov. */
  #next({ leaf, param, grad, learningRate, gradientScale }: ParamStep): Tensor {
    const { momentum, nesterov, weightDecay, decays } = this.#options;
    const before = momentum > 0 ? this.#moments.get('momentum', leaf) : undefined;
    const [value, velocity] = tidy((): [Tensor, Tensor?] => {
      const scaled = gradientScale === 1 ? grad : mul(grad, gradientScale);
      const g = weightDecay > 0 && decays(leaf) ? add(scaled, mul(param, weightDecay)) : scaled;
      const v = before && add(mul(before, momentum), g);
      const direction = v === undefined ? g : nesterov ? add(g, mul(v, momentum)) : v;
      const next = sub(param, mul(direction, learningRate));
      return v ? [next, v] : [next];
    });
    if (velocity) this.#moments.set('momentum', leaf, velocity);
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
