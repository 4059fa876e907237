/** What an all-reduce costs: a ring sends 2 (N − 1) pieces of a N-th of the bytes one after the other (Patarasuk and Yuan 2009). */

export interface Timing {
  readonly bytes: number;
  readonly seconds: number;
}

export interface Cost {
  /** Of each hop. */
  readonly latencySeconds: number;
  readonly bytesPerSecond: number;
}

/** Seconds of an all-reduce among `ranks`. */
export const allReduceSeconds = (bytes: number, ranks: number, { latencySeconds, bytesPerSecond }: Cost): number =>
  2 * (ranks - 1) * (latencySeconds + bytes / ranks / bytesPerSecond);

/** The cost whose logarithms are nearest to those measured, by a search of both numbers; `worst` is the greatest factor it is off by. */
export function fitCost(timings: readonly Timing[], ranks: number): Cost & { worst: number } {
  const off = (cost: Cost): number[] =>
    timings.map(({ bytes, seconds }) => Math.abs(Math.log(allReduceSeconds(bytes, ranks, cost) / seconds)));
  let best = { latencySeconds: 1e-6, bytesPerSecond: 1e9 };
  let least = Number.POSITIVE_INFINITY;
  for (let latency = -7; latency <= -1.5; latency += 0.05)
    for (let rate = 7; rate <= 11; rate += 0.05) {
      const cost = { latencySeconds: 10 ** latency, bytesPerSecond: 10 ** rate };
      const sum = off(cost).reduce((total, one) => total + one * one, 0);
      if (sum < least) [best, least] = [cost, sum];
    }
  return { ...best, worst: Math.exp(Math.max(...off(best))) };
}

interface NodeKind {
  readonly name: string;
  /** In training, float32. An assumption, see docs/distributed.md. */
  readonly flops: number;
}

const NODES: readonly NodeKind[] = [
  { name: '32 cores, 0.8 TFLOP/s', flops: 0.8e12 },
  { name: 'one GPU, 20 TFLOP/s', flops: 20e12 },
];
const MODELS = [
  { name: '130 M', parameters: 130e6 },
  { name: '1.3 B', parameters: 1.3e9 },
];
const NETWORKS = [
  { name: '10 Gbit/s', cost: { latencySeconds: 30e-6, bytesPerSecond: 1.1e9 } },
  { name: '100 Gbit/s', cost: { latencySeconds: 5e-6, bytesPerSecond: 11e9 } },
];
/** A step of this many tokens is about as large as pays for models of these sizes. */
const STEP_TOKENS = 524_288;
const OUTER_EVERY = 100;
/** Gradients are copied to the host and back, 4 bytes each way, at what memory gives. */
const COPY_BYTES_PER_SECOND = 5e9;

interface Plan {
  readonly parameters: number;
  readonly flops: number;
  readonly nodes: number;
  readonly cost: Cost;
  /** Steps between two times that the nodes meet. */
  readonly every: number;
  readonly tokensPerNode: number;
}

/** How many nodes' worth of tokens N nodes read in the time of one. An outer step sends parameters and both moments. */
export function speedup({ parameters, flops, nodes, cost, every, tokensPerNode }: Plan): number {
  const compute = (6 * parameters * tokensPerNode) / flops;
  const meet = allReduceSeconds(4 * parameters, nodes, cost) + (3 * 4 * parameters) / COPY_BYTES_PER_SECOND;
  return (nodes * compute) / (compute + (every === 1 ? meet : (3 * meet) / every));
}

/** What the projection assumes, in a sentence. */
export function assumptions(): string {
  const costs = NETWORKS.map(
    ({ name, cost }) => `${(cost.latencySeconds * 1e6).toFixed(0)} µs and ${cost.bytesPerSecond / 1e9} GB/s for ${name}`,
  );
  return (
    `Steps of ${STEP_TOKENS.toLocaleString('en-US')} tokens in all: how many nodes' worth N nodes do when they meet at every step / every ${OUTER_EVERY} steps. ` +
    `Assumed: ${costs.join(', ')}, 6 operations for each parameter and token, nodes of the speeds that the table names, ${COPY_BYTES_PER_SECOND / 1e9} GB/s for copies.`
  );
}

/** Speed-ups where a step has {@link STEP_TOKENS} tokens, however many nodes share them, as rows of a table. */
export function projection(): string[][] {
  const counts = [8, 64, 512];
  const cell = (parameters: number, flops: number, cost: Cost, nodes: number): string =>
    [1, OUTER_EVERY]
      .map((every) => speedup({ parameters, flops, nodes, cost, every, tokensPerNode: STEP_TOKENS / nodes }).toPrecision(3))
      .join(' / ');
  const rows = NODES.flatMap((node) =>
    MODELS.flatMap(({ name: model, parameters }) =>
      NETWORKS.map(({ name, cost }) => [node.name, model, name, ...counts.map((nodes) => cell(parameters, node.flops, cost, nodes))]),
    ),
  );
  return [['node', 'model', 'network', ...counts.map((nodes) => `${nodes} nodes`)], ...rows];
}
