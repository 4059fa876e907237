import { runtimeOf } from '@densessm/kernels/internal';
import { type ForwardOptions, namedParams, tensorsOf } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';

/** Scans keep the states that chunks of so many tokens, or more, begin with. */
const CHUNK = 16;

/**
 * Of how many tokens a call of the model may be, over all of its texts, `wanted` at most: so many that no tensor of a layer, or of logits where all are asked for, is
 * more than a device takes at a time. So a text may be of any length.
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
