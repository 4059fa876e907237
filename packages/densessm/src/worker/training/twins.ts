/** The models of one run: trained in turns on the same batches. */
import type { LoadedModel } from '@densessm/checkpoint';
import { generate } from '@densessm/generate';
import { buildParams, countParams, type ParamLeaf } from '@densessm/ssm-core';
import {
  adamW,
  evaluationBlocks,
  type GateStatistics,
  gateStatistics,
  type HostTensor,
  randomBlocks,
  type StepRecord,
  scheduleByName,
  Trainer,
  type TrainingState,
} from '@densessm/train';
import { tensor } from '@tensorflow/tfjs-core';
import type { Twin } from '../../web/worker-training';
import type { TrainingData } from './data';
import { modelOf } from './models';
import type { TrainSettings } from './settings';

type AnyTrainer = Trainer<object, object, unknown>;
export type PerTwin<T> = Partial<Record<Twin, T>>;

/** As `densessm train`. */
const [WARMUP, LAST_RATE, WEIGHT_DECAY, BETA2, GRAD_CLIP] = [0.05, 0.1, 0.1, 0.99, 1];
/** Of samples. */
const [TEMPERATURE, TOP_P] = [0.8, 0.95];

export interface SampleOptions {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export class TwinTrainers {
  readonly #settings: TrainSettings;
  readonly #data: TrainingData;
  readonly #trainers = new Map<Twin, { trainer: AnyTrainer; model: LoadedModel['model']; config: object }>();

  /** Fresh models that start as equals, or those of a checkpoint. @throws SsmError CONFIG, OPTION, STATE, BACKEND */
  constructor(settings: TrainSettings, data: TrainingData, states?: PerTwin<TrainingState>) {
    this.#settings = settings;
    this.#data = data;
    try {
      for (const twin of settings.twins) this.#trainers.set(twin, this.#make(twin, states?.[twin]));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #make(twin: Twin, state: TrainingState | undefined) {
    const { learningRate, maxSteps, batchSize, blockSize, seed } = this.#settings;
    const { model, config } = modelOf(this.#settings, twin, this.#data.tokenizer);
    const rates = { learningRate, maxSteps, warmupSteps: Math.round(WARMUP * maxSteps), minLearningRate: learningRate * LAST_RATE };
    const options = {
      model,
      config,
      optimizer: adamW({ beta2: BETA2, weightDecay: WEIGHT_DECAY }),
      schedule: scheduleByName('cosine', rates),
      sampler: randomBlocks(this.#data.train, { batchSize, blockSize, seed }),
      gradClip: GRAD_CLIP,
    };
    const trainer: AnyTrainer = state
      ? Trainer.restore(options, state)
      : new Trainer({ ...options, params: model.init(config, seed) as object });
    return { trainer, model, config };
  }

  get steps(): number {
    return Math.min(...[...this.#trainers.values()].map(({ trainer }) => trainer.steps));
  }

  get parameters(): PerTwin<number> {
    return Object.fromEntries([...this.#trainers].map(([twin, { model, config }]) => [twin, countParams(model.spec(config))]));
  }

  /** One step of each model on the same batch. @throws SsmError DIVERGED, BACKEND */
  async step(): Promise<PerTwin<StepRecord>> {
    const done = this.steps;
    const records: PerTwin<StepRecord> = {};
    for (const [twin, { trainer }] of this.#trainers) if (trainer.steps === done) records[twin] = await trainer.step();
    return records;
  }

  /** Loss of each model on the same held-out text, nats per token. */
  async evaluate(): Promise<PerTwin<number>> {
    const { batchSize, blockSize, evalBatches } = this.#settings;
    const losses: PerTwin<number> = {};
    for (const [twin, { trainer }] of this.#trainers) {
      const blocks = evaluationBlocks(this.#data.heldOut, { batchSize, blockSize, maxBlocks: evalBatches * batchSize });
      losses[twin] = (await trainer.evaluate(blocks)).loss;
    }
    return losses;
  }

  /** The gates of the dense model on held-out text; none without one. */
  async gates(): Promise<GateStatistics[]> {
    const dense = this.#trainers.get('dense');
    if (!dense) return [];
    const looked = await this.#data.heldOut.read(0, Math.min(this.#settings.blockSize, this.#data.heldOut.length));
    return gateStatistics(dense.model, dense.trainer.params, dense.config, [[...looked]]);
  }

  async sample(twin: Twin, prompt: string, { maxTokens, temperature = TEMPERATURE, seed, signal }: SampleOptions = {}): Promise<string> {
    const { trainer, model, config } = this.#get(twin);
    const bundle = { model, config, params: trainer.params, tokenizer: this.#data.tokenizer };
    const drawing = temperature > 0 ? { temperature, topP: TOP_P, seed: seed ?? this.#settings.seed } : {};
    const { text = '' } = await generate(bundle, prompt, { maxTokens: maxTokens ?? this.#settings.sampleTokens, ...drawing, signal });
    return text;
  }

  async save(): Promise<PerTwin<TrainingState>> {
    const states: PerTwin<TrainingState> = {};
    for (const [twin, { trainer }] of this.#trainers) states[twin] = await trainer.save();
    return states;
  }

  /** A model as it is now, with tensors of its own. */
  async copy(twin: Twin): Promise<LoadedModel> {
    const { trainer, model, config } = this.#get(twin);
    const { params } = await trainer.save();
    const make = ({ name }: ParamLeaf) => {
      const { values, shape } = params.get(name) as HostTensor;
      return tensor(values, [...shape]);
    };
    return { model, config, params: buildParams(model.spec(config), make) as object };
  }

  dispose(): void {
    for (const { trainer } of this.#trainers.values()) trainer.dispose();
  }

  #get(twin: Twin) {
    const found = this.#trainers.get(twin);
    if (found) return found;
    throw new RangeError(`this run has no ${twin} model`);
  }
}
