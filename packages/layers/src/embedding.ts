import { embedding } from '@densessm/kernels';
import { initParams, normal, tokenTensor, weight } from '@densessm/ssm-core';
import { cast, notEqual, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { type initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { checkArgs, type LayerArgs, optionError } from './args';
import { onlyOne } from './mask';

export interface EmbeddingArgs extends LayerArgs {
  /** Ids are integers from 0 to one less. */
  inputDim: number;
  /** D, numbers of a vector. */
  outputDim: number;
  /** Whether id 0 is padding: masked, as tf.layers passes it on. Default false. */
  maskZero?: boolean;
  /** Standard deviation of the starting values. Default 0.02. */
  initializerRange?: number;
  /** Of the starting values. Default 1. */
  seed?: number;
}

const OWN = ['inputDim', 'outputDim', 'maskZero', 'initializerRange', 'seed'] as const;

/**
 * Vectors of ids, [batch, time] → [batch, time, D], which trains on every backend: the gradient of tf.layers.embedding has no kernel on wasm.
 * Its weight has the name and the shape of that layer's. Registered as "SsmEmbedding".
 */
export class Embedding extends layers.Layer {
  static className = 'SsmEmbedding';
  readonly #args: EmbeddingArgs;
  #weight: LayerVariable | undefined;

  /** @throws SsmError OPTION */
  constructor(args: EmbeddingArgs) {
    const checked = checkArgs('Embedding', args, OWN);
    for (const name of ['inputDim', 'outputDim'] as const)
      if (!Number.isSafeInteger(checked[name]) || checked[name] < 1)
        throw optionError(`Embedding: \`${name}\` cannot be used.`, 'a whole number above zero', String(checked[name]), 'give it');
    super(checked.inputShape || checked.batchInputShape ? checked : { ...checked, batchInputShape: [checked.batchSize ?? null, null] });
    this.#args = checked;
    this.supportsMasking = checked.maskZero ?? false;
  }

  override build(_: Shape | Shape[]): void {
    const { inputDim, outputDim, initializerRange = 0.02, seed = 1 } = this.#args;
    const leaf = weight('embeddings', [inputDim, outputDim], { init: normal(initializerRange) });
    const initializer = { apply: () => initParams(leaf, seed) } as unknown as ReturnType<typeof initializers.zeros>;
    this.#weight = this.addWeight(leaf.name, [inputDim, outputDim], 'float32', initializer);
    this.built = true;
  }

  /** @throws SsmError TOKENS for an id that is outside, on backends that keep tensors in host memory */
  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    return tidy(() => {
      this.invokeCallHook(inputs, kwargs as Parameters<typeof this.invokeCallHook>[1]);
      const ids = tokenTensor(this.name, cast(onlyOne(inputs) as Tensor2D, 'int32'), this.#args.inputDim);
      return embedding({ ids, w: (this.#weight as LayerVariable).read() as Tensor2D });
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...(Array.isArray(inputShape[0]) ? inputShape[0] : (inputShape as Shape)), this.#args.outputDim];
  }

  override computeMask(inputs: Tensor | Tensor[]): Tensor {
    return (this.#args.maskZero ? tidy(() => notEqual(cast(onlyOne(inputs), 'int32'), 0)) : null) as Tensor;
  }

  override getConfig(): ReturnType<layers.Layer['getConfig']> {
    const own = Object.fromEntries(OWN.map((name) => [name, this.#args[name]]));
    return { ...super.getConfig(), ...own } as ReturnType<layers.Layer['getConfig']>;
  }
}
