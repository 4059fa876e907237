/** What the matrix of layers by tokens can show. */
import type { Word } from '../../state/words';
import type { LayerPicture, Picture } from './picture';

export type MeasureId = 'gates' | 'norm' | 'kept' | 'surprise';
export interface Measure {
  readonly id: MeasureId;
  readonly name: string;
  readonly word: Word;
  readonly unit: string;
  readonly of: (layer: LayerPicture) => Float32Array;
}
export const MEASURES: readonly Measure[] = [
  { id: 'gates', name: 'Gates', word: 'gate', unit: '', of: ({ strength }) => strength },
  { id: 'norm', name: 'State', word: 'norm', unit: '', of: ({ stateNorm }) => stateNorm },
  { id: 'kept', name: 'Kept', word: 'kept', unit: '', of: ({ kept }) => kept },
  { id: 'surprise', name: 'Surprise', word: 'surprise', unit: 'nats', of: ({ surprise }) => surprise },
];

/** Those that a picture has anything of. */
export const measuresOf = (picture: Picture): readonly Measure[] =>
  MEASURES.filter(({ of }) => picture.layers.some((layer) => of(layer).length > 0));

/** The largest value that is shown: a few outliers must not hide the rest. */
export function highOf(picture: Picture, measure: Measure): number {
  const all = picture.layers
    .flatMap((layer) => [...measure.of(layer)])
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  if (measure.id === 'kept') return 1;
  return Math.max(1e-3, all[Math.floor(all.length * 0.985)] ?? 1);
}
