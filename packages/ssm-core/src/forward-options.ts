import { cast, slice, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import { liesOnHost } from './engine';
import { SsmError } from './errors';
import type { ScanReading } from './scan-reading';
import { bindShapes } from './shapes';

/** What a call of a model may choose beside the tokens. */
export interface ForwardOptions {
  /** Tokens per chunk of the chunkwise form; left out, the kernel chooses. The result does not depend on it. */
  chunkSize?: number;
  /**
   * Logits of all positions (the default), or of the last alone, [B, 1, vocab]: the head is what a prompt costs most. 'none' leaves the head
   * out and gives what it would read, [B, T, hiddenSize], for a loss that takes both in one.
   */
  logits?: 'all' | 'last' | 'none';
  /**
   * 1 at tokens before which the state starts anew, else 0, [B, T]: documents behind one another in a row give what each gives by
   * itself, gradients included. The first token of a call continues the given state unless it is such a start.
   */
  documentStarts?: Tensor2D;
  /**
   * Whether a backward pass computes what is inside a layer again instead of keeping it: the same gradients with the memory of one
   * layer, for one more forward pass.
   */
  recompute?: boolean;
  /** What the model's `positions` made for these tokens, read in the place of making it again. */
  positions?: object;
  /**
   * Hears what the scan of each layer reads, layers in order, to look inside. The tensors are freed when the call ends: keep copies. Not together with
   * the recomputation of layers, which would tell it twice.
   */
  onScan?: (layer: number, reading: ScanReading) => void;
}

/** [B, T, …] → [B, 1, …] */
export function lastToken(x: Tensor3D): Tensor3D {
  const [batch, length, width] = x.shape;
  return length === 1 ? x : slice(x, [0, length - 1, 0], [batch, 1, width]);
}

/**
 * What the head reads, or would read, of the last hidden states [B, T, D]: every position, or the last one, [B, 1, D].
 * @throws SsmError OPTION
 */
export function headInput(where: string, hidden: Tensor3D, { logits = 'all' }: ForwardOptions): Tensor3D {
  if (logits === 'all' || logits === 'none') return hidden;
  if (logits === 'last') return lastToken(hidden);
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: there are no such \`logits\`.`,
    expected: "'all', 'last' or 'none'",
    got: JSON.stringify(logits) ?? 'undefined',
    fix: "leave the option out for the logits of every position, or choose 'last'",
  });
}

/**
 * The document starts of a call as int32, as kernels take them, for tokens [B, T] or vectors in their place [B, T, D]; undefined where none
 * were given. Values that lie on a GPU are not looked at.
 * @throws SsmError SHAPE where they are not those of the tokens, OPTION where one is neither 0 nor 1.
 */
export function documentStartsTensor(where: string, { documentStarts }: ForwardOptions, tokens: Tensor2D | Tensor3D): Tensor2D | undefined {
  if (documentStarts === undefined) return undefined;
  const dims = tokens.rank === 3 ? ['B', 'T', 'D'] : ['B', 'T'];
  bindShapes(where, 'give every token a 1 or a 0', { tokens: [tokens, dims], documentStarts: [documentStarts, ['B', 'T']] });
  const values = liesOnHost() ? documentStarts.dataSync() : [];
  const place = values.findIndex((one: number) => one !== 0 && one !== 1);
  if (place < 0) return cast(documentStarts, 'int32');
  const [, length] = tokens.shape;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`documentStarts\` holds something else than 0 and 1.`,
    expected: '1 where the state starts anew, else 0',
    got: `${values[place]} at row ${Math.floor(place / length)}, position ${place % length}`,
    fix: 'mark the first token of every document with 1',
  });
}
