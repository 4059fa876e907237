import { denseGate } from './dense-gate';
import type { Figure } from './figure';
import { hiddenAttention } from './hidden-attention';
import { memory } from './memory';
import { retentionDecay } from './retention-decay';
import { selectiveScan } from './selective-scan';
import { stateSpaceDuality } from './state-space-duality';
import { threeForms } from './three-forms';

export const FIGURES: readonly Figure[] = [
  memory,
  retentionDecay,
  selectiveScan,
  stateSpaceDuality,
  denseGate,
  threeForms,
  hiddenAttention,
];

/** @throws Error where no figure has the name, so that a page with a wrong one does not build */
export function figureNamed(name: string): Figure {
  const figure = FIGURES.find((one) => one.name === name);
  if (figure === undefined) throw new Error(`no figure is called ${name}; there are ${FIGURES.map((one) => one.name).join(', ')}`);
  return figure;
}
