/// <reference types="@webgpu/types" />
/**
 * The dispatches that choose a token of each text, in the order of generation on the host: bias and penalties, temperature, top-k, top-p, min-p, and a draw on
 * [0, 1), where tokens lie in the order of their ids. Two take the largest logit, three draw; top-k or top-p takes three more, and the other one two.
 */
import type { Program } from '../program';
import type { ChoiceLayout } from './choice-layout';
import { drawProgram, histogramProgram, keptProgram, largestProgram, maximaProgram, PLACES, type Search } from './choice-programs';
import type { StepDispatch } from './step';

export interface ChoiceVariant {
  /** Whether there are a bias or penalties. */
  readonly isPreferring: boolean;
  readonly isGreedy: boolean;
  readonly hasTopK: boolean;
  readonly hasTopP: boolean;
}

/** Values that a token needs of the host: their place in the arena and their number. */
export interface UniformsPlace {
  readonly offset: number;
  readonly size: number;
}

/** What all dispatches of a choice work on. */
export interface ChoicePlace {
  readonly buffer: GPUBuffer;
  readonly layout: ChoiceLayout;
  /** In the arena: the logits, the ids of the tokens that are read next, and what those need of the host. */
  readonly logits: number;
  readonly slot: number;
  readonly uniforms: readonly UniformsPlace[];
}

/** The histograms of a choice with what is found before each, and then what is found before logits are kept. */
function searchesOf({ hasTopK, hasTopP }: ChoiceVariant): { histograms: { search: Search; shift: number }[]; last: Search } {
  const first = { search: 'none', shift: 16 } as const;
  const byCount = [
    { search: 'count', shift: 8 },
    { search: 'more count', shift: 0 },
  ] as const;
  const byMass = [
    { search: hasTopK ? 'mass of counted' : 'mass', shift: 8 },
    { search: 'more mass', shift: 0 },
  ] as const;
  if (!hasTopK && !hasTopP) return { histograms: [], last: 'none' };
  return { histograms: [first, ...(hasTopK ? byCount : []), ...(hasTopP ? byMass : [])], last: hasTopP ? 'more mass' : 'more count' };
}

export function choiceDispatches(variant: ChoiceVariant, { buffer, layout, logits, slot, uniforms }: ChoicePlace): StepDispatch[] {
  const { isPreferring, isGreedy } = variant;
  const places = { ...Object.fromEntries(PLACES.map((name) => [name, layout[name]])), logits };
  const step = (program: Program, groups: number, params: Record<string, number> = {}): StepDispatch => ({
    ...{ program, choice: buffer, groups },
    params: { ...places, ...params },
  });
  const { batch, segments } = layout;
  const all = batch * segments;
  const steps = [step(maximaProgram({ isPreferring }), all)];
  const ofUniforms = Object.fromEntries(
    uniforms.flatMap(({ offset, size }, u) => [[`to${u}`, offset] as const, [`size${u}`, size] as const]),
  );
  const pick = { slot, uniforms: layout.uniforms, ...ofUniforms };
  const choice = { isPreferring, uniforms: uniforms.length };
  if (isGreedy) return [...steps, step(largestProgram(choice), batch, { ...pick, stage: 0 })];
  const { histograms, last } = searchesOf(variant);
  for (const [i, { search, shift }] of histograms.entries())
    steps.push(step(histogramProgram({ isPreferring, search, shift }), all, { stage: i, before: Math.max(0, i - 1), histogram: i }));
  const stage = histograms.length;
  steps.push(step(keptProgram({ isPreferring, search: last }), all, { stage, before: Math.max(0, stage - 1) }));
  return [...steps, step(drawProgram(choice), batch, { ...pick, stage: stage + 1 })];
}
