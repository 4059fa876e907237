import type { Precision } from '@densessm/kernels';
import { Replayed, withPrecision } from '@densessm/kernels/internal';
import { type Gradients, mapTree, tensorsOf } from '@densessm/ssm-core';
import { backend, type Scalar, scalar, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { gradientNorm } from '../optimizers/clip';
import type { DeviceBatch } from './device-batch';
import { type MicroBatchGradients, type ModelRun, microBatchGradients } from './gradients';

/** What a micro-batch's gradients are computed from, beside the parameters. */
interface Given {
  readonly batch: DeviceBatch;
  readonly share: number;
  readonly precision: Precision;
  /** Whether the norm of the gradients is computed with them. */
  readonly withNorm: boolean;
}

/** Micro-batches of one shape on one device. */
interface Series {
  readonly key: string;
  readonly device: object;
  readonly calls: Replayed;
}

/**
 * Loss and gradients of micro-batches one after another, {@link Replayed} with other tokens and parameters where they have one shape. Another shape gives up
 * what was recorded, and its memory.
 */
export class ReplayedGradients<C, P extends object, State> {
  #series: Series | undefined;
  /** Of each parameter, whether the loss depends on it. */
  #hasGradient: boolean[] = [];

  constructor(private readonly run: ModelRun<C, P, State>) {}

  /** As {@link microBatchGradients}. The caller is done with it before the next call, or asks for a copy. */
  of(params: P, given: Given, { copies }: { copies: boolean }): MicroBatchGradients<P, State> {
    const { calls } = this.#seriesOf(given);
    try {
      const run = (inputs: readonly Tensor[]): Tensor[] => this.#listOf(params, inputs, given);
      return this.#treeOf(
        params,
        given,
        withInputs(params, given, (inputs) => calls.call(inputs, run, { copies })),
      );
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Gives up what was recorded, and its memory. */
  drop(): void {
    this.#series?.calls.dispose();
    this.#series = undefined;
  }

  #seriesOf({ batch, share, precision, withNorm }: Given): Series {
    const key = JSON.stringify([batch.tokens.shape, batch.documentStarts !== undefined, share === 1, precision, withNorm]);
    const device = backend();
    if (this.#series?.key !== key || this.#series.device !== device || this.#series.calls.isStale) {
      this.drop();
      this.#series = { key, device, calls: new Replayed() };
    }
    return this.#series as Series;
  }

  #compute(
    params: P,
    { batch, precision, share }: Pick<Given, 'batch' | 'precision'> & { share: number | Scalar },
  ): MicroBatchGradients<P, State> {
    return withPrecision(precision, () => microBatchGradients(this.run, params, batch, share));
  }

  /** Loss, norm and gradients as a list, of parameters and a batch as a list. */
  #listOf(params: P, inputs: readonly Tensor[], given: Given): Tensor[] {
    let next = 0;
    const copies = mapTree(params, () => inputs[next++] as Tensor);
    const [tokens, targets, share, documentStarts] = inputs.slice(next) as [Tensor2D, Tensor1D, Scalar, Tensor2D | undefined];
    const batch = { tokens, targets, ...(documentStarts && { documentStarts }) };
    const { loss, grads } = this.#compute(copies, { ...given, batch, share: given.share === 1 ? 1 : share });
    const norm = given.withNorm ? [gradientNorm(grads)] : [];
    const byPath = new Map([...tensorsOf(grads)].map(([path, gradient]) => [path.join('.'), gradient]));
    const gradients = [...tensorsOf(params)].map(([path]) => byPath.get(path.join('.')));
    this.#hasGradient = gradients.map((gradient) => gradient !== undefined);
    return [loss, ...norm, ...gradients.filter((gradient) => gradient !== undefined)];
  }

  #treeOf(params: P, { withNorm }: Given, [loss, ...gradients]: Tensor[]): MicroBatchGradients<P, State> {
    const norm = withNorm ? (gradients.shift() as Scalar) : undefined;
    let [next, leaf] = [0, 0];
    const grads = mapTree(params, () => (this.#hasGradient[leaf++] ? gradients[next++] : null));
    return { loss: loss as Scalar, grads: grads as Gradients<P>, ...(norm && { norm }) };
  }
}

/** Runs with all that the gradients are computed from: the share as a tensor, so that another one is no other computation. */
function withInputs<T>(params: object, { batch, share }: Given, run: (inputs: readonly Tensor[]) => T): T {
  const { tokens, targets, documentStarts } = batch;
  const ofBatch = scalar(share);
  try {
    return run([
      ...[...tensorsOf(params)].map(([, tensor]) => tensor),
      tokens,
      targets,
      ofBatch,
      ...(documentStarts ? [documentStarts] : []),
    ]);
  } finally {
    ofBatch.dispose();
  }
}
