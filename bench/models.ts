import { moved, type sixModels } from '@densessm/conformance';
import { type AnyModel, countParams, disposeGrads, disposeTree, valueAndGrads } from '@densessm/ssm-core';
import { mean, type Scalar, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { measure } from 'mitata';

export interface Measurement {
  model: string;
  what: 'forward' | 'forward + backward' | 'step';
  parameters: number;
  /** Tokens that one run reads. */
  tokens: number;
  medianMs: number;
  minMs: number;
  samples: number;
}

/** Without mitata's own garbage collection, which allocates a gigabyte; at least three runs after one to warm up. */
const OPTIONS = { gc: false, min_samples: 3, min_cpu_time: 1e9 };

/** Reads a value back, so that a backend that queues its work has done it. */
async function finish(tensor: Tensor): Promise<void> {
  await tensor.data();
  tensor.dispose();
}

/** A scalar that depends on every logit: the cost of a loss is left to the kernels' own benchmarks. */
const meanOf = (logits: Tensor): Scalar => mean(logits);

/** Measures one model with fresh weights: T tokens at once, the same with gradients, and one token from a state. */
export async function* measureModel(
  { name, model, json }: ReturnType<typeof sixModels>[number],
  length: number,
  vocabSize: number,
): AsyncGenerator<Measurement> {
  const config = model.parseConfig(json);
  const started = model.init(config, 1);
  const params: object = moved(started, 0.02);
  disposeTree(started);
  const ids = Array.from({ length }, (_, i) => (i * 7919) % vocabSize);
  const tokens = tensor2d(Int32Array.from(ids), [1, length], 'int32');
  const state = model.initialState(config, 1);
  const runs = runsOf(model, params, config, tokens, state);
  for (const [what, count, run] of runs) {
    const { p50, min, ticks } = await measure(run, { ...OPTIONS });
    yield {
      model: name,
      what,
      parameters: countParams(model.spec(config)),
      tokens: count,
      medianMs: p50 / 1e6,
      minMs: min / 1e6,
      samples: ticks,
    };
  }
  disposeTree([params, tokens, state]);
}

type Run = [what: Measurement['what'], tokens: number, run: () => Promise<void>];

function runsOf(model: AnyModel, params: object, config: unknown, tokens: ReturnType<typeof tensor2d>, state: unknown): Run[] {
  const length = tokens.shape[1];
  const forward = () => finish(model.forward(params, config, tokens));
  const both = async () => {
    const result = valueAndGrads((current: object) => meanOf(model.forward(current, config, tokens)), params);
    await result.value.data();
    disposeGrads(result);
  };
  const step = async () => {
    const [logits, next] = model.advance(params, config, [[1]], state);
    disposeTree(next);
    await finish(logits);
  };
  return [
    ['forward', length, forward],
    ['forward + backward', length, both],
    ['step', 1, step],
  ];
}
