/** How tokens are drawn in Talk. */
import type { TextOptions } from 'densessm';
import type { Word } from '../../state/words';

export interface Slider {
  readonly name: 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'presencePenalty' | 'frequencyPenalty' | 'maxTokens';
  readonly label: string;
  readonly word?: Word;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly start: number;
}
export const SLIDERS: readonly Slider[] = [
  { name: 'temperature', label: 'Temperature', word: 'temperature', min: 0, max: 2, step: 0.05, start: 0.8 },
  { name: 'topP', label: 'Top-p', word: 'topP', min: 0.05, max: 1, step: 0.05, start: 0.95 },
  { name: 'topK', label: 'Top-k', word: 'topK', min: 0, max: 100, step: 1, start: 0 },
  { name: 'minP', label: 'Min-p', word: 'minP', min: 0, max: 0.5, step: 0.01, start: 0 },
  { name: 'repetitionPenalty', label: 'Repetition', word: 'repetition', min: 1, max: 2, step: 0.05, start: 1 },
  { name: 'presencePenalty', label: 'Presence', word: 'presence', min: 0, max: 2, step: 0.1, start: 0 },
  { name: 'frequencyPenalty', label: 'Frequency', word: 'frequency', min: 0, max: 2, step: 0.1, start: 0 },
  { name: 'maxTokens', label: 'Tokens at most', min: 16, max: 512, step: 16, start: 160 },
];

let values = $state<Record<Slider['name'], number>>(startValues());
let seedText = $state('');
let stopText = $state('');

function startValues(): Record<Slider['name'], number> {
  return Object.fromEntries(SLIDERS.map(({ name, start }) => [name, start])) as Record<Slider['name'], number>;
}

/** Only what differs from "off": the engine refuses options that mean nothing beside others. */
function options(): TextOptions & { seed?: number } {
  const { temperature, topP, topK, minP, repetitionPenalty, presencePenalty, frequencyPenalty, maxTokens } = values;
  const result: TextOptions = { maxTokens, temperature };
  if (temperature > 0) {
    result.seed = seedText.trim() === '' ? Math.floor(Math.random() * 1e6) : Math.abs(Math.trunc(Number(seedText))) || 0;
    if (topP < 1) result.topP = topP;
    if (topK > 0) result.topK = topK;
    if (minP > 0) result.minP = minP;
  }
  if (repetitionPenalty !== 1) result.repetitionPenalty = repetitionPenalty;
  if (presencePenalty !== 0) result.presencePenalty = presencePenalty;
  if (frequencyPenalty !== 0) result.frequencyPenalty = frequencyPenalty;
  if (stopText !== '') result.stop = stopText.replaceAll('\\n', '\n');
  return result;
}

/** What differs from the start, for the address. */
function address(): Record<string, string> {
  const changed = SLIDERS.filter(({ name, start }) => values[name] !== start).map(({ name }) => [name, String(values[name])]);
  return { ...Object.fromEntries(changed), ...(seedText !== '' && { seed: seedText }), ...(stopText !== '' && { stop: stopText }) };
}

/** All settings as an address says; those that it does not name are as they were at the start. */
function take(query: URLSearchParams): void {
  for (const { name, min, max, start } of SLIDERS) {
    const value = Number(query.get(name) ?? start);
    values[name] = Number.isFinite(value) ? Math.max(min, Math.min(max, value)) : start;
  }
  [seedText, stopText] = [query.get('seed') ?? '', query.get('stop') ?? ''];
}

export const settings = {
  values,
  get seedText(): string {
    return seedText;
  },
  set seedText(text: string) {
    seedText = text;
  },
  get stopText(): string {
    return stopText;
  },
  set stopText(text: string) {
    stopText = text;
  },
  reset(): void {
    take(new URLSearchParams());
  },
  take,
  address,
  options,
};
