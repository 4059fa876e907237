/**
 * `npm run tour`: builds each model at a small size, reads one prompt in three ways and shows that they agree. In parallel
 * (`forward`), in uneven pieces (`advance`, chunk by chunk) and token by token (`advance`, as text is generated).
 */

import { moved, sixModels, sizeOf } from '@densessm/conformance';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, countParams, disposeTree, SsmError } from '@densessm/ssm-core';
import { alignTable, paint } from './lib/table';

const PROMPT = 'What a state space model remembers of a text has one size, however long the text.';
const SIZES = { vocabSize: 256, hiddenSize: 64, layers: 4, heads: 4 };
/** Largest difference of any logit, in units of their RMS: some hundred float32 roundings. */
const BOUND = 1e-4;

interface Reading {
  logits: Float32Array;
  stateSize: number;
  ms: number;
}

interface Visit {
  name: string;
  parameters: number;
  stateSize: number;
  difference: number;
  times: readonly number[];
}

type Way = (tokens: number[]) => Promise<Omit<Reading, 'ms'>>;

async function timed(way: Way, tokens: number[]): Promise<Reading> {
  const started = performance.now();
  const reading = await way(tokens);
  return { ...reading, ms: performance.now() - started };
}

/** The three ways to read a text; each returns the logits at every position. */
function waysToRead(model: AnyModel, params: object, config: unknown): Way[] {
  const inPieces =
    (lengthOf: (index: number) => number): Way =>
    async (tokens) => {
      let state: unknown = model.initialState(config, 1);
      const logits: number[] = [];
      for (let start = 0, index = 0; start < tokens.length; start += lengthOf(index++)) {
        const [piece, next] = model.advance(params, config, [tokens.slice(start, start + lengthOf(index))], state);
        logits.push(...(await piece.data()));
        disposeTree([piece, state]);
        state = next;
      }
      const stateSize = sizeOf(state);
      disposeTree(state);
      return { logits: Float32Array.from(logits), stateSize };
    };
  const inParallel: Way = async (tokens) => {
    const logits = model.forward(params, config, [tokens]);
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return { logits: values, stateSize: 0 };
  };
  return [inParallel, inPieces((index) => [1, 5, 27, 16][index % 4] as number), inPieces(() => 1)];
}

/** The largest difference from the first reading, in units of its RMS. */
function worstDifference([first, ...others]: Float32Array[]): number {
  if (!first) return Infinity;
  const rms = Math.sqrt(first.reduce((total, x) => total + x * x, 0) / first.length);
  const apart = others.map((other) => first.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (other[i] ?? Number.NaN))), 0));
  return Math.max(...apart) / rms;
}

async function visit(name: string, model: AnyModel, json: unknown, tokens: number[]): Promise<Visit> {
  const config = model.parseConfig(json);
  const started = model.init(config, 1);
  const params = moved(started, 0.1);
  disposeTree(started);
  const ways = waysToRead(model, params, config);
  const readings: Reading[] = [];
  for (const way of ways) {
    await way(tokens.slice(0, 2)); // the first call compiles and packs
    readings.push(await timed(way, tokens));
  }
  const fresh = model.initialState(config, 1);
  const stateSize = sizeOf(fresh);
  disposeTree([fresh, params]);
  const grew = readings.slice(1).some((reading) => reading.stateSize !== stateSize);
  const difference = grew ? Infinity : worstDifference(readings.map(({ logits }) => logits));
  return { name, parameters: countParams(model.spec(config)), stateSize, difference, times: readings.map(({ ms }) => ms) };
}

const whole = (value: number): string => value.toLocaleString('en');
const asRow = ({ name, parameters, stateSize, difference, times }: Visit): string[] => [
  name,
  whole(parameters),
  whole(stateSize),
  ...times.map((ms) => ms.toFixed(0)),
  difference.toExponential(1),
];

async function main(): Promise<void> {
  const { reason } = await startBackend();
  const tokens = [...new TextEncoder().encode(PROMPT)];
  console.log(`\nbackend  ${reason}\nprompt   "${PROMPT}"`);
  console.log(`models   random weights, ${SIZES.layers} layers of ${SIZES.hiddenSize}, ${tokens.length} bytes as tokens\n`);
  const visits: Visit[] = [];
  for (const { name, model, json } of sixModels(SIZES)) visits.push(await visit(name, model, json, tokens));
  const head = ['model', 'parameters', 'state', 'parallel ms', 'in pieces ms', 'by token ms', 'difference'];
  for (const line of alignTable([head, ...visits.map(asRow)])) console.log(line);
  const apart = visits.filter(({ difference }) => !(difference <= BOUND)).map(({ name }) => name);
  console.log('\nstate: numbers kept per text, the same after any number of tokens');
  console.log('difference: the largest between the three ways, in units of the RMS of the logits\n');
  if (apart.length === 0) console.log(paint('green', `All six models give one answer in all three ways (bound ${BOUND}).`));
  else console.log(paint('red', `Not one answer: ${apart.join(', ')} (bound ${BOUND}).`));
  if (apart.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof SsmError ? String(error) : error);
  process.exitCode = 1;
}
