import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { refuseDisposed } from './disposed';
import { liesOnHost } from './engine';
import { SsmError } from './errors';

/** Token ids as plain rows of equal length or as an int32 tensor, [B, T] with T ≥ 1. */
export type TokenIds = Tensor2D | readonly (readonly number[] | Int32Array)[];

/**
 * The ids as an int32 tensor [B, T], checked: integers in [0, vocabSize), rows of one length, T ≥ 1.
 * Ids that are already a tensor on a GPU are checked for shape and type only, since reading them back would stall it.
 * @throws SsmError TOKENS or DTYPE, STATE for a tensor that was freed
 */
export function tokenTensor(where: string, tokens: TokenIds, vocabSize: number): Tensor2D {
  const isTensor = 'dtype' in tokens;
  if (isTensor) refuseDisposed(where, tokens, 'token ids');
  const [batch, length] = isTensor ? tokens.shape : [tokens.length, tokens[0]?.length ?? 0];
  if ((isTensor && tokens.rank !== 2) || batch === 0 || !length) {
    const got = isTensor ? `a tensor of shape [${tokens.shape.join(', ')}]` : `${batch} rows, the first with ${length ?? 0} ids`;
    throw new SsmError({
      code: 'TOKENS',
      what: `${where}: there are no tokens to read.`,
      expected: '[B, T] with B ≥ 1 and T ≥ 1',
      got,
      fix: 'pass at least one token per row; start a text with the bos token',
    });
  }
  if (isTensor && tokens.dtype !== 'int32') {
    throw new SsmError({
      code: 'DTYPE',
      what: `${where}: token ids have the wrong type.`,
      expected: 'int32',
      got: tokens.dtype,
      fix: "make them with tensor2d(ids, shape, 'int32')",
    });
  }
  if (!isTensor) {
    for (const [b, row] of tokens.entries()) {
      if (row.length !== length)
        throw badToken(where, `rows of ${length} ids`, `${row.length} ids in row ${b}`, 'cut or pad the rows to one length');
      checkIds(where, row, vocabSize, b * length, length);
    }
    return tensor2d(Int32Array.from(tokens.flatMap((row) => [...row])), [batch as number, length], 'int32');
  }
  if (liesOnHost()) checkIds(where, tokens.dataSync(), vocabSize, 0, length);
  return tokens;
}

function checkIds(where: string, ids: ArrayLike<number>, vocabSize: number, first: number, length: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (Number.isInteger(id) && id >= 0 && id < vocabSize) continue;
    const place = first + i;
    throw badToken(
      where,
      `integers from 0 to ${vocabSize - 1}`,
      `${id} at row ${Math.floor(place / length)}, position ${place % length}`,
      "encode the text with this model's own tokenizer",
    );
  }
}

const badToken = (where: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'TOKENS', what: `${where}: a token id is outside the vocabulary.`, expected, got, fix });
