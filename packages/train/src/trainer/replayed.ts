import type { Precision } from '@densessm/kernels';
import { type Recording, runtimeOf, withPrecision } from '@densessm/kernels/internal';
import { type Gradients, mapTree, tensorsOf } from '@densessm/ssm-core';
import { backend, mul, type Scalar, scalar, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import type { DeviceBatch } from './device-batch';
import { type MicroBatchGradients, type ModelRun, microBatchGradients } from './gradients';

/** What a micro-batch's gradients are computed from, beside the parameters. */
interface Given {
  readonly batch: DeviceBatch;
  readonly share: number;
  readonly precision: Precision;
}

/** Micro-batches of one shape on one device. */
interface Series {
  readonly key: string;
  readonly device: object;
  /** How many there were. */
  count: number;
  /** Of the one before, whose memory was given back. */
  trial?: Recording;
  recording?: Recording;
  /** Two of them told the device other things: they cannot be replayed. */
  isUneven: boolean;
}

/**
 * Loss and gradients of micro-batches one after another. A device whose commands can be recorded gets those of the third of one shape again for each that
 * follows, with other tokens and parameters: same bits, and the host runs no operation. The first compiles; the second and the third are compared, and
 * where they differ by more than the values of tokens and parameters nothing is replayed. Another shape gives up what was recorded, and its memory.
 */
export class ReplayedGradients<C, P extends object, State> {
  #series: Series | undefined;
  /** Of each parameter, whether the loss depends on it. */
  #hasGradient: boolean[] = [];

  constructor(private readonly run: ModelRun<C, P, State>) {}

  /** As {@link microBatchGradients}. The caller is done with it before the next call, or asks for a copy. */
  of(params: P, given: Given, { copies }: { copies: boolean }): MicroBatchGradients<P, State> {
    const series = this.#seriesOf(given);
    try {
      const own = this.#next(series, params, given);
      return copies ? copyOf(own) : own;
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Gives up what was recorded, and its memory. */
  drop(): void {
    this.#series?.recording?.dispose();
    this.#series?.trial?.dispose();
    this.#series = undefined;
  }

  #seriesOf({ batch, share, precision }: Given): Series {
    const key = JSON.stringify([batch.tokens.shape, batch.documentStarts !== undefined, share === 1, precision]);
    const device = backend();
    if (this.#series?.key !== key || this.#series.device !== device || this.#series.recording?.isStale) {
      this.drop();
      this.#series = { key, device, count: 0, isUneven: false };
    }
    return this.#series as Series;
  }

  #next(series: Series, params: P, given: Given): MicroBatchGradients<P, State> {
    const recorder = runtimeOf()?.recorder;
    if (series.recording)
      return this.#treeOf(
        params,
        withInputs(params, given, (inputs) => (series.recording as Recording).replay(inputs)),
      );
    series.trial?.dispose(); // its outputs were used, and the next one takes as much memory
    if (series.count++ === 0 || series.isUneven || !recorder) return this.#compute(params, given);
    const run = (copies: readonly Tensor[]): Tensor[] => this.#listOf(params, copies, given);
    const [outputs, recording] = withInputs(params, given, (inputs) => recorder.record(inputs, run));
    if (series.trial === undefined) series.trial = recording;
    else if (recording.equals(series.trial)) Object.assign(series, { recording, trial: undefined });
    else Object.assign(series, { isUneven: true, trial: recording });
    return this.#treeOf(params, outputs);
  }

  #compute(params: P, { batch, precision, share }: Omit<Given, 'share'> & { share: number | Scalar }): MicroBatchGradients<P, State> {
    return withPrecision(precision, () => microBatchGradients(this.run, params, batch, share));
  }

  /** Loss and gradients as a list, of parameters and a batch as a list. */
  #listOf(params: P, inputs: readonly Tensor[], given: Given): Tensor[] {
    let next = 0;
    const copies = mapTree(params, () => inputs[next++] as Tensor);
    const [tokens, targets, share, documentStarts] = inputs.slice(next) as [Tensor2D, Tensor1D, Scalar, Tensor2D | undefined];
    const batch = { tokens, targets, ...(documentStarts && { documentStarts }) };
    const { loss, grads } = this.#compute(copies, { ...given, batch, share: given.share === 1 ? 1 : share });
    const byPath = new Map([...tensorsOf(grads)].map(([path, gradient]) => [path.join('.'), gradient]));
    const gradients = [...tensorsOf(params)].map(([path]) => byPath.get(path.join('.')));
    this.#hasGradient = gradients.map((gradient) => gradient !== undefined);
    return [loss, ...gradients.filter((gradient) => gradient !== undefined)];
  }

  #treeOf(params: P, [loss, ...gradients]: Tensor[]): MicroBatchGradients<P, State> {
    let [next, leaf] = [0, 0];
    const grads = mapTree(params, () => (this.#hasGradient[leaf++] ? gradients[next++] : null));
    return { loss: loss as Scalar, grads: grads as Gradients<P> };
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

/** The same values elsewhere; frees what it copies. */
function copyOf<P extends object, State>({ loss, grads }: MicroBatchGradients<P, State>): MicroBatchGradients<P, State> {
  const copy = <T extends Tensor>(tensor: T): T => {
    const same = mul<T>(tensor, 1);
    tensor.dispose();
    return same;
  };
  return { loss: copy(loss), grads: mapTree(grads, copy) };
}
