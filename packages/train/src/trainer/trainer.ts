import { buildParams, disposeTree, type SpecTree, tidyTree } from '@densessm/ssm-core';
import { liesOnHost } from '@densessm/ssm-core/internal';
import type { Tensor1D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { clipFactor } from '../optimizers/clip';
import type { StepMeasures } from '../optimizers/optimizer';
import { checkNumbers } from '../options';
import { ownCarried } from './carried';
import { betweenOuterSteps, disposed, diverged, notAwaited, nothingToPredict, otherOptimizer } from './errors';
import { evaluateShare } from './evaluate';
import { type Gathered, gatherGradients } from './gather';
import { disposeMicroBatch, type ModelRun } from './gradients';
import { fromHost, hostTensor } from './host-tensors';
import { lossScale, measuresOf } from './measures';
import { countStep, microBatches } from './micro-batches';
import { nextTask } from './next-task';
import { OuterStep } from './outer-step';
import { NOBODY, PeerSum, type Peers } from './peers';
import { ReplayedGradients } from './replayed';
import { copyState, OPTIMIZER, requireSameParams } from './saved';
import { steadySeconds } from './steady-seconds';
import type { Evaluation, StepRecord, TrainerOptions, TrainingState } from './types';
import { Updates } from './updates';

/** What gradients that were gathered are applied with. */
interface Applying {
  readonly step: number;
  readonly tokens: number;
  readonly scale: number;
  readonly learningRate: number;
}

/**
 * Trains a model. What it owns: the parameters, what the optimizer remembers, the carried states and the counters, which only
 * {@link Trainer.step} changes, all at once at its end; {@link Trainer.save} may be called at any time.
 */
export class Trainer<C, P extends object, State> {
  readonly #options: TrainerOptions<C, P, State>;
  readonly #run: ModelRun<C, P, State>;
  readonly #spec: SpecTree;
  readonly #peers: Peers;
  readonly #sum: PeerSum;
  readonly #outer: OuterStep<P> | undefined;
  readonly #replayed: ReplayedGradients<C, P, State> | undefined;
  readonly #updates = new Updates();
  #params: P;
  #carried: State[] = [];
  #steps = 0;
  #skipped = 0;
  #skippedInARow = 0;
  #tokens = 0;
  #isBusy = false;
  /** From an update that the host has not seen the numbers of, to the end of its step. */
  #updating: Promise<unknown> | undefined;
  #isDisposed = false;

  /** @throws SsmError OPTION */
  constructor(options: TrainerOptions<C, P, State>) {
    const { gradClip = Number.POSITIVE_INFINITY, gradientAccumulationSteps = 1, maxSkippedSteps = 10, recompute = false } = options;
    const { peers = NOBODY, outer, replay = true } = options;
    const count = { min: 1, whole: true };
    checkNumbers(
      'Trainer',
      { gradientAccumulationSteps, maxSkippedSteps, gradClip: Math.min(gradClip, Number.MAX_VALUE), every: outer?.every ?? 1 },
      { gradientAccumulationSteps: count, maxSkippedSteps: { min: 0, whole: true }, gradClip: { min: 0, above: true }, every: count },
    );
    this.#options = { ...options, gradClip, gradientAccumulationSteps, maxSkippedSteps };
    this.#run = { model: options.model, config: options.config, options: { recompute } };
    this.#replayed = replay ? new ReplayedGradients(this.#run) : undefined;
    this.#spec = options.model.spec(options.config);
    this.#params = options.params;
    this.#peers = peers;
    this.#sum = new PeerSum(peers);
    this.#outer = outer && new OuterStep(outer, this.#spec, this.#sum);
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
    const { gradientAccumulationSteps = 1, peers = NOBODY } = options;
    trainer.#carried = ownCarried({ trees: counters.carried, tensors }, gradientAccumulationSteps, peers, hostTensor) as State[];
    trainer.#outer?.load(tensors);
    trainer.#steps = counters.steps;
    trainer.#skipped = counters.skipped;
    trainer.#skippedInARow = counters.skippedInARow;
    trainer.#tokens = counters.tokens;
    return trainer;
  }

  /** The parameters as they are now. A step frees them and makes others. @throws SsmError STATE after {@link Trainer.dispose} */
  get params(): P {
    this.#refuseUnusable();
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
  /** Tokens read in all steps, by all processes. */
  get tokens(): number {
    return this.#tokens;
  }
  /** Whether every process has the same parameters: always, save between two outer steps. */
  get isWhole(): boolean {
    return this.#steps % (this.#options.outer?.every ?? 1) === 0;
  }

  /**
   * One step. Lets the host do other things before it starts.
   * @throws SsmError DIVERGED where too many steps in a row were not finite; OPTION where the call before has not ended,
   * STATE after {@link Trainer.dispose}, or after a device failed during an update: no one knows then what it did, so all but `dispose` refuses
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
    return this.#alone(async () => {
      await this.#updates.settle();
      this.#replayed?.drop(); // else its memory would be missed
      return evaluateShare(this.#run, this.#params, batches, this.#peers);
    });
  }

  /** The seconds of a micro-batch as steps compute it, see {@link steadySeconds}; nothing changes. @throws SsmError STATE after {@link Trainer.dispose} */
  tryBatch(batch: Batch): Promise<number> {
    const parts = (this.#options.gradientAccumulationSteps ?? 1) * (this.#sharesGradients ? this.#peers.size : 1);
    return this.#alone(async () => {
      await this.#updates.settle();
      return steadySeconds(this.#run, this.#params, batch, { ...this.#options, parts, replayed: this.#replayed });
    });
  }

  /** A step frees the parameters that others would be reading. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseUnusable();
    if (this.#isBusy) throw notAwaited();
    this.#isBusy = true;
    try {
      return await work();
    } catch (error) {
      this.#updates.suspect(error);
      this.#replayed?.drop();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  async #step(): Promise<Omit<StepRecord, 'seconds'>> {
    const step = this.#steps;
    const learningRate = this.#options.schedule(step);
    await this.#outer?.begin(this.#params);
    const { sampler, gradientAccumulationSteps = 1, carryState, precision } = this.#options;
    const batches = await microBatches(sampler, step, gradientAccumulationSteps, this.#peers);
    const { targets, tokens } = await countStep(batches, this.#peers, this.#sharesGradients);
    this.#refuseUnusable();
    if (targets === 0) throw nothingToPredict(step);
    const scale = lossScale(precision, targets);
    const carried = carryState ? this.#carried : undefined;
    const how = { targets, scale, carried, precision, isWhole: !this.#sharesGradients, replayed: this.#replayed };
    const gathered = gatherGradients(this.#run, this.#params, batches, how);
    return this.#apply(gathered, { step, tokens, scale, learningRate });
  }

  /** Updates where all is finite, and counts the step. Whatever comes, what was gathered is freed or carried on. */
  async #apply(gathered: Gathered<P, State>, { step, tokens, scale, learningRate }: Applying): Promise<Omit<StepRecord, 'seconds'>> {
    let { sum, states } = gathered;
    let measured: Tensor1D | undefined;
    let [loss, gradNorm, skipped] = [Number.NaN, Number.NaN, true];
    // asked for before, so that a device updates while the host gets the two numbers
    const isAhead = !liesOnHost() && this.#options.optimizer.takesMeasures === true;
    try {
      if (this.#sharesGradients) sum = await this.#sum.gradients(sum);
      measured = measuresOf(sum, scale);
      const reading = measured.data();
      const read = reading.catch((error: unknown) => {
        if (isAhead) this.#updates.spoil(error);
      });
      if (isAhead) this.#update(sum.grads, scale, learningRate, { measured, largestNorm: this.#largestNorm });
      this.#updating = isAhead ? read : undefined;
      [loss, gradNorm] = (await reading) as unknown as [number, number];
      // from here to the end nothing waits but an outer step, so that save() never sees half a step
      skipped = !Number.isFinite(loss) || !Number.isFinite(gradNorm);
      const isKept = !skipped && !this.#isDisposed;
      if (isKept && !isAhead) this.#update(sum.grads, scale, learningRate, gradNorm);
      if (skipped && isAhead) this.#options.optimizer.leaveOut?.();
      this.#carry(isKept ? states : []);
      if (isKept) states = [];
    } finally {
      this.#updating = undefined;
      disposeTree(states);
      disposeMicroBatch(sum);
      measured?.dispose();
    }
    this.#refuseDisposed();
    await this.#finish(tokens, skipped);
    if (this.#skippedInARow > (this.#options.maxSkippedSteps ?? 0)) throw diverged(step, this.#skippedInARow, loss, gradNorm);
    return { step, loss, learningRate, gradNorm, tokens, skipped };
  }

  /** Whether every step adds up the gradients of several processes. */
  get #sharesGradients(): boolean {
    return this.#peers.size > 1 && this.#outer === undefined;
  }

  get #largestNorm(): number {
    const { gradClip = Number.POSITIVE_INFINITY } = this.#options;
    return Number.isFinite(gradClip) ? gradClip : 0;
  }

  /** With the norm of the gradients, or with what a device will clip by. */
  #update(grads: Gathered<P, State>['sum']['grads'], scale: number, learningRate: number, norm: number | StepMeasures): void {
    const { optimizer, gradClip = Number.POSITIVE_INFINITY } = this.#options;
    const given = { spec: this.#spec, params: this.#params, grads, learningRate };
    const update =
      typeof norm === 'number'
        ? { ...given, gradientScale: clipFactor(norm, gradClip) / scale }
        : { ...given, gradientScale: 1 / scale, measures: norm };
    this.#params = this.#updates.run(() => optimizer.update(update));
  }

  /** States that a step which was not finite left behind are not resumed from: the next one begins anew. */
  #carry(states: State[]): void {
    disposeTree(this.#carried);
    this.#carried = states;
  }

  async #finish(tokens: number, skipped: boolean): Promise<void> {
    const { every = 1 } = this.#options.outer ?? {};
    if (this.#outer !== undefined && (this.#steps + 1) % every === 0) {
      const next = await this.#outer.next(this.#params, this.#options.optimizer);
      disposeTree(this.#params);
      this.#params = next;
    }
    this.#steps++;
    this.#tokens += tokens;
    this.#skipped += skipped ? 1 : 0;
    this.#skippedInARow = skipped ? this.#skippedInARow + 1 : 0;
    const { checkInterval = 50 } = this.#options;
    if (this.#peers.size > 1 && checkInterval > 0 && this.#steps % (checkInterval * every) === 0)
      await requireSameParams(this.#spec, this.#params, this.#peers, this.#steps);
  }

  /**
   * Everything {@link Trainer.restore} needs, copied. All processes call it together, and first compare their parameters; with `alone`,
   * one that hears nothing from the others saves what it knows itself, which is all where no states are carried.
   * @throws SsmError STATE after {@link Trainer.dispose}, between two outer steps, or where the processes have drifted apart
   */
  async save({ alone = false }: { alone?: boolean } = {}): Promise<TrainingState> {
    while (this.#updating !== undefined) await this.#updating;
    this.#refuseUnusable();
    if (!this.isWhole) throw betweenOuterSteps(this.#steps, this.#options.outer?.every ?? 1);
    const counted = { steps: this.#steps, skipped: this.#skipped, skippedInARow: this.#skippedInARow, tokens: this.#tokens };
    const held = { spec: this.#spec, params: this.#params, optimizer: this.#options.optimizer, carried: this.#carried, counted };
    const outer = this.#outer?.state() ?? [];
    return this.#updates.read(() => copyState({ ...held, outer }, alone ? NOBODY : this.#peers));
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposed();
  }

  #refuseUnusable(): void {
    this.#refuseDisposed();
    this.#updates.refuseSpoiled();
  }

  /** Frees the parameters, the optimizer and the carried states. The counters can still be read; a second time does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    disposeTree([this.#params, this.#carried]);
    this.#carried = [];
    this.#options.optimizer.dispose();
    this.#replayed?.drop();
  }
}
