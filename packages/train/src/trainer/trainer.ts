import { buildParams, disposeGrads, disposeTree, namedParams, type SpecTree, SsmError, tensorsOf, tidyTree } from '@densessm/ssm-core';
import { dispose } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { clipFactor, gradientNorm } from '../optimizers/clip';
import { checkNumbers } from '../options';
import { toDevice } from './device-batch';
import { evaluate } from './evaluate';
import { type MicroBatchGradients, type ModelRun, microBatchGradients, sumOf } from './gradients';
import { copyToHost, fromHost, fromNames, namesOf } from './host-tensors';
import { countTargets } from './loss';
import { nextTask } from './next-task';
import type { Evaluation, StepRecord, TrainerOptions, TrainingState } from './types';

/** A step's gradients before anything was changed. */
interface Gathered<P extends object, State> {
  sum: MicroBatchGradients<P, State>;
  /** The states after each micro-batch, where states are carried. */
  states: State[];
  /** Tokens read. */
  tokens: number;
}

const OPTIMIZER = 'optimizer.';
const CARRIED = 'carried';

/**
 * Trains a model. What it owns: the parameters, what the optimizer remembers, the carried states and the counters, which only
 * {@link Trainer.step} changes, all at once at its end; {@link Trainer.save} may be called at any time.
 */
export class Trainer<C, P extends object, State> {
  readonly #options: TrainerOptions<C, P, State>;
  readonly #run: ModelRun<C, P, State>;
  readonly #spec: SpecTree;
  #params: P;
  #carried: State[] = [];
  #steps = 0;
  #skipped = 0;
  #skippedInARow = 0;
  #tokens = 0;
  #isBusy = false;
  #isDisposed = false;

  /** @throws SsmError OPTION */
  constructor(options: TrainerOptions<C, P, State>) {
    const { gradClip = Number.POSITIVE_INFINITY, gradientAccumulationSteps = 1, maxSkippedSteps = 10, recompute = false } = options;
    checkNumbers(
      'Trainer',
      { gradientAccumulationSteps, maxSkippedSteps, gradClip: Math.min(gradClip, Number.MAX_VALUE) },
      { gradientAccumulationSteps: { min: 1, whole: true }, maxSkippedSteps: { min: 0, whole: true }, gradClip: { min: 0, above: true } },
    );
    this.#options = { ...options, gradClip, gradientAccumulationSteps, maxSkippedSteps };
    this.#run = { model: options.model, config: options.config, options: { recompute } };
    this.#spec = options.model.spec(options.config);
    this.#params = options.params;
  }

  /** Goes on where {@link Trainer.save} was called, bit for bit on the same backend. @throws SsmError STATE */
  static restore<C, P extends object, State>(
    options: Omit<TrainerOptions<C, P, State>, 'params'>,
    { params, tensors, counters }: TrainingState,
  ): Trainer<C, P, State> {
    const { model, config, optimizer } = options;
    if (counters.optimizer.name !== optimizer.name) throw otherOptimizer(counters.optimizer.name, optimizer.name);
    const spec = model.spec(config);
    const trainer = new Trainer({
      ...options,
      params: tidyTree(() => buildParams(spec, ({ name, shape }) => fromHost(params, name, shape)) as P),
    });
    const names = [...tensors.keys()].filter((name) => name.startsWith(OPTIMIZER));
    const remembered = Object.fromEntries(names.map((name) => [name.slice(OPTIMIZER.length), fromHost(tensors, name)]));
    optimizer.load({ tensors: remembered, counters: counters.optimizer.steps });
    trainer.#carried = counters.carried.map((tree) => fromNames(tree, (name) => fromHost(tensors, name)) as State);
    trainer.#steps = counters.steps;
    trainer.#skipped = counters.skipped;
    trainer.#skippedInARow = counters.skippedInARow;
    trainer.#tokens = counters.tokens;
    return trainer;
  }

  /** The parameters as they are now. A step frees them and makes others. @throws SsmError STATE after {@link Trainer.dispose} */
  get params(): P {
    this.#refuseDisposed();
    return this.#params;
  }
  /** Steps done, skipped ones included; the next one's number. */
  get steps(): number {
    return this.#steps;
  }
  /** Steps in which nothing was updated because loss or gradients were not finite. */
  get skipped(): number {
    return this.#skipped;
  }
  /** Tokens read in all steps. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * One step. Lets the host do other things before it starts.
   * @throws SsmError DIVERGED where too many steps in a row were not finite; OPTION where the call before has not ended,
   * STATE after {@link Trainer.dispose}
   */
  step(): Promise<StepRecord> {
    return this.#alone(async () => {
      await nextTask();
      const began = performance.now();
      const record = await this.#step();
      return { ...record, seconds: (performance.now() - began) / 1000 };
    });
  }

  /** Mean loss over all targets of all batches, each from a fresh state. @throws SsmError OPTION where there is none, STATE after {@link Trainer.dispose} */
  evaluate(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<Evaluation> {
    return this.#alone(() => evaluate(this.#options.model, this.#options.config, this.#params, batches));
  }

  /** A step frees the parameters that others would be reading. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseDisposed();
    if (this.#isBusy) throw notAwaited();
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  async #step(): Promise<Omit<StepRecord, 'seconds'>> {
    const step = this.#steps;
    const learningRate = this.#options.schedule(step);
    const batches = await this.#batches(step);
    this.#refuseDisposed();
    const { sum, states, tokens } = this.#gather(batches);
    const total = gradientNorm(sum.grads);
    const [[loss], [gradNorm]] = (await Promise.all([sum.loss.data(), total.data()])) as unknown as [[number], [number]];
    // from here to the end nothing waits, so that save() never sees half a step
    const skipped = !Number.isFinite(loss) || !Number.isFinite(gradNorm);
    const isKept = !skipped && !this.#isDisposed;
    if (isKept) this.#update(sum, learningRate, gradNorm);
    this.#carry(isKept ? states : []);
    if (!isKept) disposeTree(states);
    disposeGrads({ value: sum.loss, grads: sum.grads });
    dispose(total);
    this.#refuseDisposed();
    this.#count(tokens, skipped);
    if (this.#skippedInARow > (this.#options.maxSkippedSteps ?? 0)) throw diverged(step, this.#skippedInARow, loss, gradNorm);
    return { step, loss, learningRate, gradNorm, tokens, skipped };
  }

  async #batches(step: number): Promise<Batch[]> {
    const { sampler, gradientAccumulationSteps } = this.#options;
    return Promise.all(Array.from({ length: gradientAccumulationSteps ?? 1 }, (_, part) => sampler.batch(step, part)));
  }

  /** Sums the contributions of all micro-batches, each weighted by its number of targets. */
  #gather(batches: readonly Batch[]): Gathered<P, State> {
    const targets = batches.map((batch) => countTargets(batch.targets));
    const all = targets.reduce((sum, count) => sum + count, 0);
    if (all === 0) throw nothingToPredict(this.#steps);
    const states: State[] = [];
    let sum: MicroBatchGradients<P, State> | undefined;
    for (const [part, batch] of batches.entries()) {
      const own = this.#microBatch(batch, part, (targets[part] as number) / all);
      if (own.state !== undefined) states.push(own.state);
      sum = sum ? sumOf(sum, own) : own;
    }
    return { sum: sum as MicroBatchGradients<P, State>, states, tokens: batches.reduce((count, { tokens }) => count + tokens.length, 0) };
  }

  #microBatch(batch: Batch, part: number, share: number): MicroBatchGradients<P, State> {
    const { model, config, carryState } = this.#options;
    const device = toDevice(batch);
    const fresh = carryState && this.#carried[part] === undefined ? model.initialState(config, batch.batchSize) : undefined;
    try {
      return microBatchGradients(this.#run, this.#params, device, share, carryState ? (this.#carried[part] ?? fresh) : undefined);
    } finally {
      disposeTree([device, fresh]);
    }
  }

  #update({ grads }: MicroBatchGradients<P, State>, learningRate: number, gradNorm: number): void {
    const { optimizer, gradClip } = this.#options;
    const gradientScale = clipFactor(gradNorm, gradClip ?? Number.POSITIVE_INFINITY);
    this.#params = optimizer.update({ spec: this.#spec, params: this.#params, grads, learningRate, gradientScale });
  }

  /** States that a step which was not finite left behind are not resumed from: the next one begins anew. */
  #carry(states: State[]): void {
    disposeTree(this.#carried);
    this.#carried = states;
  }

  #count(tokens: number, skipped: boolean): void {
    this.#steps++;
    this.#tokens += tokens;
    this.#skipped += skipped ? 1 : 0;
    this.#skippedInARow = skipped ? this.#skippedInARow + 1 : 0;
  }

  /** Everything {@link Trainer.restore} needs, copied. @throws SsmError STATE after {@link Trainer.dispose} */
  async save(): Promise<TrainingState> {
    this.#refuseDisposed();
    const { optimizer } = this.#options;
    const { tensors, counters: steps } = optimizer.state();
    const carried = namesOf(this.#carried, CARRIED) as unknown[];
    const counters = {
      steps: this.#steps,
      skipped: this.#skipped,
      skippedInARow: this.#skippedInARow,
      tokens: this.#tokens,
      optimizer: { name: optimizer.name, steps: { ...steps } },
      carried,
    };
    const named = [...namedParams(this.#spec, this.#params)].map(([{ name }, one]) => [name, one] as const);
    const remembered = Object.entries(tensors).map(([name, one]) => [`${OPTIMIZER}${name}`, one] as const);
    const states = [...tensorsOf(this.#carried)].map(([path, one]) => [[CARRIED, ...path].join('.'), one] as const);
    const [params, others] = await Promise.all([copyToHost(named), copyToHost([...remembered, ...states])]);
    return { params, tensors: others, counters };
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposed();
  }

  /** Frees the parameters, the optimizer and the carried states. The counters can still be read; a second time does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    disposeTree([this.#params, this.#carried]);
    this.#carried = [];
    this.#options.optimizer.dispose();
  }
}

const otherOptimizer = (got: string, expected: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer.restore: the state was saved with another optimizer.',
    expected,
    got,
    fix: 'go on with the optimizer of the first run, or start a new run from its parameters',
  });

const disposed = (): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer: the trainer was disposed of.',
    expected: 'a trainer that owns its parameters',
    got: 'a freed one',
    fix: 'dispose after the last use; Trainer.restore continues from what Trainer.save gave',
  });

const notAwaited = (): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'Trainer: the step or evaluation before has not ended.',
    expected: 'one at a time',
    got: 'two',
    fix: 'await each step and each evaluation',
  });

const nothingToPredict = (step: number): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: `Trainer.step: step ${step} has no token to predict.`,
    expected: 'at least one target that counts',
    got: 'none in all its batches',
    fix: 'use longer blocks, or a sampler that leaves out texts of one token',
  });

const diverged = (step: number, count: number, loss: number, gradNorm: number): SsmError =>
  new SsmError({
    code: 'DIVERGED',
    what: `Trainer.step: ${count} steps in a row were not finite and were skipped.`,
    expected: 'a finite loss and gradient',
    got: `loss ${loss}, gradient norm ${gradNorm} at step ${step}`,
    fix: 'lower the learning rate, lengthen the warm-up or clip the gradients (1 is usual), and go on from the last good checkpoint',
  });
