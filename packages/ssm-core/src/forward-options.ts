import { slice, type Tensor3D } from '@tensorflow/tfjs-core';
import { SsmError } from './errors';

/** What a call of a model may choose. None of it changes the numbers, only which of them are computed and how. */
export interface ForwardOptions {
  /** Tokens per chunk of the chunkwise form; left out, the kernel chooses. The result does not depend on it. */
  chunkSize?: number;
  /** Logits of all positions (the default), or of the last alone, [B, 1, vocab]: the head is what a prompt costs most. */
  logits?: 'all' | 'last';
}

/**
 * What the head reads of the last hidden states [B, T, D]: every position, or the last one, [B, 1, D].
 * @throws SsmError OPTION
 */
export function headInput(where: string, hidden: Tensor3D, { logits = 'all' }: ForwardOptions): Tensor3D {
  const [batch, length, width] = hidden.shape;
  if (logits === 'all') return hidden;
  if (logits === 'last') return slice(hidden, [0, length - 1, 0], [batch, 1, width]);
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: there are no such \`logits\`.`,
    expected: "'all' or 'last'",
    got: JSON.stringify(logits) ?? 'undefined',
    mend: "leave the option out for the logits of every position, or choose 'last'",
  });
}
