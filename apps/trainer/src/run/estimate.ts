/** What a run will take, before its first step: by trying one batch without changing anything. */
import type { LoadedModel } from '@densessm/checkpoint';
import { crossEntropy } from '@densessm/kernels';
import { withPrecision } from '@densessm/kernels/internal';
import type { BackendName } from '@densessm/runtime-node';
import { countParams, disposeGrads, SsmError, valueAndGrads } from '@densessm/ssm-core';
import { type Batch, IGNORED_TARGET } from '@densessm/train';
import { memory, reshape, type Scalar, type Tensor2D, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { formatBytes } from '../output/numbers';
import type { Settings } from '../settings/table';
import { duration } from '../view/progress';
import type { RunPlan } from '../view/run-view';
import { freeMemory, PROCESS_BYTES } from './free-memory';
import type { AnyTrainer } from './open-trainer';

const FLOAT_BYTES = 4;
/** The most that WebAssembly can address. */
const WASM_HEAP = 2 ** 32;
/** Numbers that an optimizer keeps for each parameter. */
const MOMENTS: Readonly<Record<Settings['optimizer'], number>> = { adamw: 2, sgd: 1, muon: 1 };
/**
 * The heap after two steps of 8 × 256 tokens, per byte that the tape of a batch of few tokens holds for each of its own: 0.70 to 0.85
 * in the models of the house with 4 layers of 128, 0.4 to 0.7 with recomputation. Few tokens cost more each.
 */
const TAPE = 0.9;
type Room = { readonly bytes: number; readonly of: string };

/** What tensors may take on a backend of this machine. */
function availableRoom(backend: BackendName): Room {
  // WebGPU does not tell how much memory a GPU has: what does not fit ends in an error that names the size
  if (backend === 'webgpu') return { bytes: Number.POSITIVE_INFINITY, of: 'a GPU' };
  const machine = Math.max(0, freeMemory() - PROCESS_BYTES);
  if (backend === 'wasm' && WASM_HEAP < machine) return { bytes: WASM_HEAP, of: 'a WebAssembly heap' };
  return { bytes: machine, of: 'free memory of this machine' };
}

/** Weights, gradients and what the optimizer keeps. */
function weightBytes(parameters: number, optimizer: Settings['optimizer']): number {
  return parameters * FLOAT_BYTES * (2 + MOMENTS[optimizer]);
}

/** @throws SsmError BACKEND where not even the weights can fit with what trains them */
export function requireRoomForWeights(parameters: number, backend: BackendName, settings: Settings): void {
  requireRoom(weightBytes(parameters, settings.optimizer), parameters, availableRoom(backend), settings);
}

/** @throws SsmError BACKEND with advice, where a run cannot fit */
function requireRoom(bytes: number, parameters: number, room: Room, settings: Settings): void {
  if (bytes <= room.bytes) return;
  const weights = weightBytes(parameters, settings.optimizer);
  const forWeights = `${formatBytes(weights)} for ${formatBytes(parameters * FLOAT_BYTES)} of weights with gradients and ${settings.optimizer}`;
  const forBatch = `${formatBytes(bytes - weights)} for a batch of ${settings.batchSize} × ${settings.blockSize}`;
  throw new SsmError({
    code: 'BACKEND',
    what: 'The run does not fit into memory.',
    expected: `at most ${formatBytes(room.bytes)} of ${room.of}`,
    got: bytes > weights ? `${formatBytes(bytes)}: ${forWeights}, ${forBatch}` : forWeights,
    fix: weights > room.bytes ? 'make the model smaller: --hidden-size, --num-hidden-layers, --vocab-size' : adviceForBatches(settings),
  });
}

function adviceForBatches({ batchSize, gradientAccumulationSteps: parts, recompute }: Settings): string {
  const advice: string[] = [];
  if (batchSize > 1)
    advice.push(`--batch-size ${Math.ceil(batchSize / 2)} --gradient-accumulation-steps ${parts * 2}, which learns the same`);
  if (!recompute) advice.push('--recompute');
  advice.push('a smaller --block-size or --vocab-size');
  return advice.join('; or ');
}

/** One forward and backward pass: what the forward pass keeps for the backward one. The parameters stay as they are. */
async function keptBytes({ model, config, params }: LoadedModel, batch: Batch, { recompute, precision }: Settings): Promise<number> {
  const { batchSize, length } = batch;
  const before = memory().numBytes;
  let after = before;
  const tokens = tensor2d(batch.tokens, [batchSize, length], 'int32');
  const targets = tensor1d(batch.targets, 'int32');
  const lossOf = (current: object): Scalar =>
    tidy(() => {
      const logits = model.forward(current, config, tokens, { recompute });
      const rows: Tensor2D = reshape(logits, [batchSize * length, logits.shape[2]]);
      const loss = crossEntropy({ logits: rows, targets }, { ignoreIndex: IGNORED_TARGET }) as Scalar;
      after = memory().numBytes; // the tape holds on to what the backward pass reads
      return loss;
    });
  const result = withPrecision(precision, () => valueAndGrads(lossOf, params));
  await result.value.data();
  disposeGrads(result);
  tokens.dispose();
  targets.dispose();
  return after - before;
}

/** What Dawn says of a tensor that a shader cannot read at once. */
const BINDING = /binding size \((\d+)\).* maximum storage buffer binding size \((\d+)\)/i;

/** Kernels of a GPU compute some texts of a batch at a time where its tensors are too large for the device; a single text has to fit. */
export function tooLong(error: unknown, { blockSize }: Pick<Settings, 'blockSize'>): SsmError | undefined {
  const [, size, most] = (error instanceof SsmError && BINDING.exec(error.got)) || [];
  if (size === undefined) return undefined;
  const fitting = Math.floor((blockSize * Number(most)) / Number(size));
  return new SsmError({
    code: 'BACKEND',
    what: 'The sequences are too long for this GPU.',
    expected: `tensors of at most ${formatBytes(Number(most))}, as much as a kernel of this device reads at a time`,
    got: `one of ${formatBytes(Number(size))} with --block-size ${blockSize}`,
    fix: `--block-size ${fitting >= 64 ? fitting - (fitting % 64) : fitting}, with --carry-state where texts are longer; or --device wasm`,
  });
}

export interface Estimate {
  /** Of all tensors at the widest moment. */
  readonly bytes: number;
  /** Of a step with all its batches. */
  readonly stepSeconds: number;
  /** Of a batch of an evaluation. */
  readonly evaluationSeconds: number;
}

/** Tokens of the batch that tells what a large one would take. */
const CORNER = 32;

/**
 * Measures what a step takes, by the trainer whose steps they are. A batch of a few tokens tells first whether a whole one would fit.
 * @param batchOf makes a batch of any size
 * @throws SsmError BACKEND where it does not
 */
export async function estimateRun(
  loaded: LoadedModel,
  trainer: Pick<AnyTrainer, 'tryBatch' | 'params'>,
  batchOf: (sizes: Pick<Settings, 'batchSize' | 'blockSize'>) => Promise<Batch>,
  backend: BackendName,
  settings: Settings,
): Promise<Estimate> {
  const parameters = countParams(loaded.model.spec(loaded.config));
  const weights = weightBytes(parameters, settings.optimizer);
  const room = availableRoom(backend);
  const { batchSize, blockSize } = settings;
  const small = await batchOf({ batchSize: 1, blockSize: Math.min(blockSize, CORNER) });
  const kept = await keptBytes({ ...loaded, params: trainer.params }, small, settings);
  const scale = (batchSize * blockSize) / small.length;
  const bytes = weights + TAPE * kept * scale;
  requireRoom(bytes, parameters, room, settings);
  const batch = await batchOf({ batchSize, blockSize });
  const seconds = await trainer.tryBatch(batch).catch((error: unknown) => {
    throw tooLong(error, settings) ?? error;
  });
  return { bytes, stepSeconds: seconds * settings.gradientAccumulationSteps, evaluationSeconds: seconds / 3 };
}

/** What the `steps` steps that are left and the batches of evaluations take. */
export const planOf = (estimate: Estimate, maxSteps: number, steps: number, evaluationBatches: number): RunPlan => ({
  ...{ maxSteps, steps, seconds: estimate.stepSeconds * steps + estimate.evaluationSeconds * evaluationBatches },
  bytes: Math.round(estimate.bytes) + PROCESS_BYTES,
});

/** The line that says so: `about 3 min 20 s for 2000 steps of 0.10 s, and 310 MB of tensors`. */
export function describePlan({ steps, seconds }: RunPlan, { bytes, stepSeconds }: Estimate): string {
  const step = stepSeconds < 1 ? `${Math.round(1000 * stepSeconds)} ms` : duration(stepSeconds);
  return `about ${duration(seconds)} for ${steps} steps of ${step}, and ${formatBytes(bytes)} of memory for tensors`;
}
