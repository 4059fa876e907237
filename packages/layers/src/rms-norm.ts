import { rmsNorm } from '@densessm/kernels';
import { type Tensor, type Tensor1D, tidy } from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { checkArgs, type LayerArgs } from './args';
import { onlyOne } from './mask';

export interface RmsNormArgs extends LayerArgs {
  /** Added to the mean square. Default 1e-5. */
  epsilon?: number;
}

/**
 * x / √(mean(x²) + ε) times a gain, over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467): what stands behind the last block of a model.
 * [batch, …, D] → the same shape.
 */
export class RmsNorm extends layers.Layer {
  static className = 'RmsNorm';
  readonly #args: RmsNormArgs;
  #gain: LayerVariable | undefined;

  /** @throws SsmError OPTION */
  constructor(args?: RmsNormArgs) {
    const checked = checkArgs('RmsNorm', args, ['epsilon']);
    super(checked);
    this.#args = checked;
    this.supportsMasking = true;
  }

  override build(inputShape: Shape | Shape[]): void {
    const width = (inputShape as Shape).at(-1) as number;
    this.#gain = this.addWeight('gain', [width], 'float32', initializers.ones());
    this.built = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    return tidy(() => {
      this.invokeCallHook(inputs, kwargs as Parameters<typeof this.invokeCallHook>[1]);
      const weight = (this.#gain as LayerVariable).read() as Tensor1D;
      return rmsNorm({ x: onlyOne(inputs), weight }, { eps: this.#args.epsilon ?? 1e-5 });
    });
  }

  override getConfig(): ReturnType<layers.Layer['getConfig']> {
    return { ...super.getConfig(), epsilon: this.#args.epsilon } as ReturnType<layers.Layer['getConfig']>;
  }
}
