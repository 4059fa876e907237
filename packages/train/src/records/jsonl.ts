/** Records as lines of JSON. JSON has no NaN and no infinities: they are written as the strings "NaN", "Infinity" and "-Infinity". */
import { isObject } from '@densessm/ssm-core/plain';
import type { GateStatistics, Histogram, RunRecord } from './record';

const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];

/** One line, its end included. */
export const recordLine = (record: RunRecord): string =>
  `${JSON.stringify(record, (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value))}\n`;

/** @returns undefined for what is no record: a line that was cut short, or one of a later version. */
export function parseRecordLine(line: string): RunRecord | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return isObject(json) ? readRecord(json) : undefined;
  } catch {
    return undefined;
  }
}

type Json = Readonly<Record<string, unknown>>;
class NotARecord extends Error {}

function readRecord(json: Json): RunRecord | undefined {
  const common = { step: numberOf(json, 'step'), wallTime: numberOf(json, 'wallTime') };
  if (!Number.isSafeInteger(common.step)) return undefined;
  const measured = () => ({ ...common, loss: numberOf(json, 'loss'), tokens: numberOf(json, 'tokens') });
  switch (json.type) {
    case 'step': {
      const [learningRate, gradNorm, seconds] = [numberOf(json, 'learningRate'), numberOf(json, 'gradNorm'), numberOf(json, 'seconds')];
      return { type: 'step', ...measured(), learningRate, gradNorm, skipped: json.skipped === true, seconds };
    }
    case 'evaluation':
      return { type: 'evaluation', ...measured() };
    case 'sample':
      return { type: 'sample', ...common, prompt: textOf(json, 'prompt'), text: textOf(json, 'text') };
    case 'gates':
      return { type: 'gates', ...common, gates: listOf(json, 'gates').map(readGate) };
    default:
      return undefined;
  }
}

function readGate(json: unknown): GateStatistics {
  const gate = objectOf(json);
  return {
    layer: numberOf(gate, 'layer'),
    name: textOf(gate, 'name'),
    mean: numberOf(gate, 'mean'),
    std: numberOf(gate, 'std'),
    absMax: numberOf(gate, 'absMax'),
    nearZero: numberOf(gate, 'nearZero'),
    histogram: readHistogram(objectOf(gate.histogram)),
  };
}

const readHistogram = (json: Json): Histogram => ({
  min: numberOf(json, 'min'),
  max: numberOf(json, 'max'),
  counts: listOf(json, 'counts').map((count) => numberOf({ count }, 'count')),
});

function numberOf(json: Json, key: string): number {
  const value = json[key];
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && NOT_FINITE.includes(value)) return Number(value);
  throw new NotARecord(key);
}

function textOf(json: Json, key: string): string {
  const value = json[key];
  if (typeof value === 'string') return value;
  throw new NotARecord(key);
}

function listOf(json: Json, key: string): readonly unknown[] {
  const value = json[key];
  if (Array.isArray(value)) return value;
  throw new NotARecord(key);
}

function objectOf(json: unknown): Json {
  if (isObject(json)) return json;
  throw new NotARecord('object');
}
