import { runtimeOf } from '@densessm/kernels/internal';
import { type ForwardOptions, namedParams, tensorsOf } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';

/** Prompt tokens per call of the model where no number is given: many keep a GPU busy, and it has room for them. */
export const usualPromptChunk = (): number => (runtimeOf()?.recorder ? 2048 : 512);

/** Tokens of the shortest chunks of a scan, which keeps the state that each begins with. */
const CHUNK = 16;

/**
 * The most tokens that one call of the model may read, over all of its texts, `wanted` at most: no tensor of a layer, or of logits where all are asked for, is
 * larger than a device takes at a time. So a text may be of any length.
 */
export function mostTokens(
  { model, params, config }: ModelBundle,
  { state, rows, logits, wanted }: { state: unknown; rows: number; logits: ForwardOptions['logits']; wanted: number },
): number {
  const most = runtimeOf()?.mostValues;
  if (most === undefined) return wanted;
  const { vocabSize } = config as { vocabSize?: number };
  let widest = 1;
  for (const [, { shape }] of namedParams(model.spec(config), params))
    for (const size of shape.slice(0, 2)) if (size !== vocabSize || logits === 'all') widest = Math.max(widest, size);
  for (const [, { size }] of tensorsOf(state)) widest = Math.max(widest, size / rows / CHUNK);
  return Math.min(wanted, Math.max(1, Math.floor(most / widest)));
}
