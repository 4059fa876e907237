/** What is to be trained: one row of choices, kept in the address. */
import type { TrainingFamily, TrainingText, TrainOptions } from 'densessm/web';

export const SIZES = [
  { id: 'tiny', name: 'Tiny', hiddenSize: 48, numHiddenLayers: 3 },
  { id: 'small', name: 'Small', hiddenSize: 96, numHiddenLayers: 4 },
  { id: 'medium', name: 'Medium', hiddenSize: 160, numHiddenLayers: 6 },
] as const;
export const LENGTHS = [
  { id: '150', name: 'Short', steps: 150 },
  { id: '500', name: 'Medium', steps: 500 },
  { id: '2000', name: 'Long', steps: 2000 },
] as const;
export const FAMILIES: readonly { id: TrainingFamily; name: string }[] = [
  { id: 'mamba', name: 'Mamba' },
  { id: 'mamba2', name: 'Mamba-2' },
  { id: 'retnet', name: 'RetNet' },
];
export type TextKind = 'stories' | 'text' | 'file';

const known = <T extends string>(list: readonly { id: T }[], id: string | null, otherwise: T): T =>
  list.find((one) => one.id === id)?.id ?? otherwise;

let kind = $state<TextKind>('stories');
let pasted = $state('');
let file = $state.raw<File | undefined>();
let family = $state<TrainingFamily>('mamba');
let size = $state<(typeof SIZES)[number]['id']>('small');
let length = $state<(typeof LENGTHS)[number]['id']>('500');
/** For links and tests: so many steps instead of a named length, and milliseconds between checkpoints. */
let steps = 0;
let saves: number | undefined;

/** Takes over what an address says. */
function take(query: URLSearchParams): void {
  if (query.toString() === '') return;
  family = known(FAMILIES, query.get('family'), family);
  size = known(SIZES, query.get('size'), size);
  length = known(LENGTHS, query.get('length'), length);
  steps = Math.trunc(Number(query.get('steps') ?? 0));
  saves = query.has('save') ? Math.trunc(Number(query.get('save'))) : undefined;
}

function textOf(): TrainingText {
  if (kind === 'file' && file) return { kind: 'file', file };
  if (kind === 'text') return { kind: 'text', text: pasted, name: 'pasted' };
  return { kind: 'stories' };
}

function options(): TrainOptions {
  const sizes = SIZES.find(({ id }) => id === size) ?? SIZES[1];
  const maxSteps = steps > 0 ? steps : (LENGTHS.find(({ id }) => id === length) ?? LENGTHS[1]).steps;
  const every = Math.max(5, Math.min(50, Math.round(maxSteps / 6)));
  const { hiddenSize, numHiddenLayers } = sizes;
  const small = size === 'tiny' ? { batchSize: 8, blockSize: 64 } : {};
  return {
    text: textOf(),
    family,
    hiddenSize,
    numHiddenLayers,
    maxSteps,
    evalInterval: every,
    sampleInterval: every,
    denseLayers: 1,
    ...small,
    ...(saves !== undefined && { saveIntervalMs: saves }),
  };
}

export const form = {
  get kind(): TextKind {
    return kind;
  },
  set kind(value: TextKind) {
    kind = value;
  },
  get pasted(): string {
    return pasted;
  },
  set pasted(value: string) {
    pasted = value;
  },
  get file(): File | undefined {
    return file;
  },
  set file(value: File | undefined) {
    file = value;
    if (value) kind = 'file';
  },
  get family(): TrainingFamily {
    return family;
  },
  set family(value: TrainingFamily) {
    family = value;
  },
  get size(): (typeof SIZES)[number]['id'] {
    return size;
  },
  set size(value: (typeof SIZES)[number]['id']) {
    size = value;
  },
  get length(): (typeof LENGTHS)[number]['id'] {
    return length;
  },
  set length(value: (typeof LENGTHS)[number]['id']) {
    length = value;
  },
  get obstacle(): string | undefined {
    if (kind === 'text' && pasted.trim().length < 2000)
      return `Paste at least 2,000 characters; there are ${pasted.trim().length.toLocaleString('en')}.`;
    if (kind === 'file' && !file) return 'Choose a text file, or drop one here.';
    return undefined;
  },
  get address(): Record<string, string> {
    return { family, size, length, ...(steps > 0 && { steps: String(steps) }), ...(saves !== undefined && { save: String(saves) }) };
  },
  take,
  options,
};
