/**
 * TensorBoard's event files as pure functions from records to bytes, to be appended to a file in Node or collected in a browser.
 * Field numbers are those of event.proto, summary.proto, histogram.proto and tensor.proto in tensorboard/compat/proto.
 */
import type { GateStatistics, Histogram, RunRecord } from '../record';
import { frame } from './framing';
import { double, doubles, float, integer, join, message, type Piece, string } from './protobuf';

/** The first bytes of every event file. */
export const eventFileHeader = (wallTime: number): Uint8Array => event(wallTime, undefined, string(3, 'brain.Event:2'));

/**
 * Begins the events of one process, behind the header of a *new* file: whatever older files hold of `step` (updates done) and later ones
 * is void. The first file of a run needs one too, since TensorBoard ignores the first that it meets.
 */
export const startEvent = (wallTime: number, step: number): Uint8Array => event(wallTime, step, message(7, integer(1, SESSION_START)));
const SESSION_START = 1;

/** A run's config as a table among the texts. */
export const configEvent = (wallTime: number, config: Readonly<Record<string, unknown>>): Uint8Array =>
  event(wallTime, 0, message(5, text('config', markdownTable(config))));

/** A record as an event. */
export const recordEvent = (record: RunRecord): Uint8Array => event(record.wallTime, record.step, message(5, ...valuesOf(record)));

/**
 * The name TensorBoard looks for: it needs `tfevents` in it, and sorts files of one folder by name.
 * @param serial tells files apart that one process makes within a second
 */
export const eventFileName = (wallTime: number, host: string, pid: number, serial: number): string =>
  `events.out.tfevents.${String(Math.floor(wallTime)).padStart(10, '0')}.${host.replace(/[^\w.-]/g, '_')}.${pid}.${serial}`;

const event = (wallTime: number, step: number | undefined, what: Piece): Uint8Array =>
  frame(join([double(1, wallTime), step === undefined ? [] : integer(2, step), what]));

function valuesOf(record: RunRecord): Piece[] {
  switch (record.type) {
    case 'step':
      return [
        scalar('train/loss', record.loss),
        scalar('train/learning_rate', record.learningRate),
        scalar('train/grad_norm', record.gradNorm),
        scalar('train/tokens_per_second', record.tokens / record.seconds),
        scalar('train/skipped', record.skipped ? 1 : 0),
      ];
    case 'evaluation':
      return [scalar('eval/loss', record.loss), scalar('eval/perplexity', Math.exp(record.loss))];
    case 'sample':
      return [text('samples', verbatim(record.prompt + record.text))];
    case 'gates':
      return record.gates.flatMap(gateValues);
  }
}

function gateValues(gate: GateStatistics): Piece[] {
  const tag = `gates/layer_${String(gate.layer).padStart(2, '0')}_${gate.name}`;
  return [
    scalar(`${tag}/mean`, gate.mean),
    scalar(`${tag}/std`, gate.std),
    scalar(`${tag}/abs_max`, gate.absMax),
    scalar(`${tag}/near_zero`, gate.nearZero),
    gate.histogram.counts.length === 0 ? [] : message(1, string(1, tag), histogram(gate)),
  ];
}

const scalar = (tag: string, value: number): Piece => message(1, string(1, tag), float(2, value));

/** HistogramProto of values whose moments are known: bucket i holds what lies below limit i and not below limit i − 1. */
function histogram({ mean, std, histogram: { min, max, counts } }: GateStatistics): Piece {
  const count = counts.reduce((total, one) => total + one, 0);
  const [sum, sumOfSquares] = [mean * count, (std * std + mean * mean) * count];
  const scalars = [min, max, count, sum, sumOfSquares].map((value, i) => double(i + 1, value));
  return message(5, ...scalars, doubles(6, bucketLimits({ min, max, counts })), doubles(7, counts));
}

const bucketLimits = ({ min, max, counts }: Histogram): number[] => counts.map((_, i) => min + ((max - min) * (i + 1)) / counts.length);

const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;

/** A string tensor [1] for the text plugin, which reads it as Markdown. */
function text(tag: string, markdown: string): Piece {
  const metadata = message(9, message(1, string(1, 'text')), integer(4, DATA_CLASS_TENSOR));
  const tensor = message(8, integer(1, DT_STRING), message(2, message(2, integer(1, 1))), string(8, markdown));
  return message(1, string(1, tag), metadata, tensor);
}

/** Markdown that shows a text as it is. */
const verbatim = (plain: string): string => `    ${plain.replaceAll('\n', '\n    ')}`;

function markdownTable(config: Readonly<Record<string, unknown>>): string {
  const cell = (value: unknown) =>
    (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/\|/g, '\\|').replace(/\s+/g, ' ');
  const rows = Object.entries(config).map(([key, value]) => `| ${cell(key)} | ${cell(value)} |`);
  return ['| key | value |', '| --- | --- |', ...rows].join('\n');
}
