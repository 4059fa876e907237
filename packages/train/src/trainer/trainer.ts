import { buildParams, disposeGrads, disposeTree, namedParams, type SpecTree, tidyTree } from '@densessm/ssm-core';
import { liesOnHost } from '@densessm/ssm-core/internal';
import { dispose } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { clipFactor } from '../optimizers/clip';
import type { StepMeasures } from '../optimizers/optimizer';
import { checkNumbers } from '../options';
import { copyCarried, ownCarried } from './carried';
import { betweenOuterSteps, disposed, diverged, notAwaited, nothingToPredict, otherOptimizer } from './errors';
import { evaluateShare } from './evaluate';
import { type Gathered, gatherGradients } from './gather';
import type { ModelRun } from './gradients';
import { copyToHost, fromHost, hostTensor } from './host-tensors';
import { countTargets } from './loss';
import { lossScale, measuresOf } from './measures';
import { nextTask } from './next-task';
import { OuterStep } from './outer-step';
import { hashOfBits, NOBODY, PeerSum, type Peers, requireSameHash } from './peers';
import { ReplayedGradients } from './replayed';
import { steadySeconds } from './steady-seconds';
import type { Evaluation, StepRecord, TrainerOptions, TrainingState } from './types';

const OPTIMIZER = 'optimizer.';

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
    return this.#alone(() => {
      this.#replayed?.drop(); // else its memory would be missed
      return evaluateShare(this.#run, this.#params, batches, this.#peers);
    });
  }

  /** The seconds of a micro-batch as steps compute it, see {@link steadySeconds}; nothing changes. @throws SsmError STATE after {@link Trainer.dispose} */
  tryBatch(batch: Batch): Promise<number> {
    const parts = (this.#options.gradientAccumulationSteps ?? 1) * (this.#sharesGradients ? this.#peers.size : 1);
    return this.#alone(() => steadySeconds(this.#run, this.#params, batch, { ...this.#options, parts, replayed: this.#replayed }));
  }

  /** A step frees the parameters that others would be reading. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseDisposed();
    if (this.#isBusy) throw notAwaited();
    this.#isBusy = true;
    try {
      return await work();
    } catch (error) {
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
    const batches = await this.#batches(step);
    const { targets, tokens } = await this.#count(batches);
    this.#refuseDisposed();
    if (targets === 0) throw nothingToPredict(step);
    const scale = lossScale(this.#options.precision, targets);
    const { carryState, precision } = this.#options;
    const carried = carryState ? this.#carried : undefined;
    const how = { targets, scale, carried, precision, isWhole: !this.#sharesGradients, replayed: this.#replayed };
    const { sum: own, states } = gatherGradients(this.#run, this.#params, batches, how);
    const sum = this.#sharesGradients ? await this.#sum.gradients(own) : own;
    const measured = measuresOf(sum, scale);
    const reading = measured.data();
    // asked for before, so that a device updates while the host gets the two numbers
    const isAhead = !liesOnHost() && this.#options.optimizer.takesMeasures === true;
    if (isAhead) this.#update(sum.grads, scale, learningRate, { measured, largestNorm: this.#largestNorm });
    this.#updating = isAhead ? reading.catch(() => undefined) : undefined;
    const [loss, gradNorm] = (await reading) as unknown as [number, number];
    this.#updating = undefined;
    // from here to the end nothing waits but an outer step, so that save() never sees half a step
    const skipped = !Number.isFinite(loss) || !Number.isFinite(gradNorm);
    const isKept = !skipped && !this.#isDisposed;
    if (isKept && !isAhead) this.#update(sum.grads, scale, learningRate, gradNorm);
    if (skipped && isAhead) this.#options.optimizer.leaveOut?.();
    this.#carry(isKept ? states : []);
    if (!isKept) disposeTree(states);
    disposeGrads({ value: sum.loss, grads: sum.grads });
    dispose([measured, ...(sum.norm ? [sum.norm] : [])]);
    this.#refuseDisposed();
    await this.#finish(tokens, skipped);
    if (this.#skippedInARow > (this.#options.maxSkippedSteps ?? 0)) throw diverged(step, this.#skippedInARow, loss, gradNorm);
    return { step, loss, learningRate, gradNorm, tokens, skipped };
  }

  /** Whether every step adds up the gradients of several processes. */
  get #sharesGradients(): boolean {
    return this.#peers.size > 1 && this.#outer === undefined;
  }

  /** This process's micro-batches: those of all are numbered as one process with so many more of them would number them. */
  async #batches(step: number): Promise<Batch[]> {
    const { sampler, gradientAccumulationSteps } = this.#options;
    const { rank, size } = this.#peers;
    const parts = Array.from({ length: gradientAccumulationSteps ?? 1 }, (_, part) => part * size + rank);
    return Promise.all(parts.map((part) => sampler.batch(step, part)));
  }

  /** Targets, by which the step's mean is divided, and tokens, for the record. */
  async #count(batches: readonly Batch[]): Promise<{ targets: number; tokens: number }> {
    const sum = (of: (batch: Batch) => number): number => batches.reduce((total, batch) => total + of(batch), 0);
    const counts = Float64Array.of(
      sum(({ targets }) => countTargets(targets)),
      sum(({ tokens }) => tokens.length),
    );
    if (this.#sharesGradients) await this.#peers.allReduce(counts);
    const [targets = 0, tokens = 0] = counts;
    return { targets, tokens: this.#sharesGradients ? tokens : tokens * this.#peers.size };
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
    this.#params = optimizer.update(update);
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
    if (this.#peers.size > 1 && checkInterval > 0 && this.#steps % (checkInterval * every) === 0) await this.#compare();
  }

  /** @throws SsmError STATE where the processes have other parameters than the first */
  async #compare(): Promise<void> {
    const copies = await copyToHost([...namedParams(this.#spec, this.#params)].map(([{ name }, one]) => [name, one] as const));
    await requireSameHash(this.#peers, hashOfBits([...copies.values()].map(({ values }) => values)), this.#steps);
  }

  /**
   * Everything {@link Trainer.restore} needs, copied. All processes call it together, and first compare their parameters; with `alone`,
   * one that hears nothing from the others saves what it knows itself, which is all where no states are carried.
   * @throws SsmError STATE after {@link Trainer.dispose}, between two outer steps, or where the processes have drifted apart
   */
  async save({ alone = false }: { alone?: boolean } = {}): Promise<TrainingState> {
    while (this.#updating !== undefined) await this.#updating;
    this.#refuseDisposed();
    if (!this.isWhole) throw betweenOuterSteps(this.#steps, this.#options.outer?.every ?? 1);
    const peers = alone ? NOBODY : this.#peers;
    const { optimizer } = this.#options;
    const { tensors, counters: steps } = optimizer.state();
    const counted = { steps: this.#steps, skipped: this.#skipped, skippedInARow: this.#skippedInARow, tokens: this.#tokens };
    const counters = { ...counted, optimizer: { name: optimizer.name, steps: { ...steps } } };
    const named = [...namedParams(this.#spec, this.#params)].map(([{ name }, one]) => [name, one] as const);
    const remembered = Object.entries(tensors).map(([name, one]) => [`${OPTIMIZER}${name}`, one] as const);
    const outer = this.#outer?.state() ?? [];
    const [params, others, carried] = await Promise.all([copyToHost(named), copyToHost(remembered), copyCarried(this.#carried, peers)]);
    if (peers.size > 1) await requireSameHash(peers, hashOfBits([...params.values()].map(({ values }) => values)), counters.steps);
    return { params, tensors: new Map([...others, ...outer, ...carried.tensors]), counters: { ...counters, carried: carried.trees } };
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
    this.#replayed?.drop();
  }
}
