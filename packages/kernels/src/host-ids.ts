import { SsmError } from '@densessm/ssm-core';
import { liesOnHost } from '@densessm/ssm-core/internal';
import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * Refuses an id outside [0, count) before a kernel reads or writes with it. `also` is a value that means "no id".
 * Ids on a GPU are not looked at: reading them back would stall it.
 * @throws SsmError TOKENS
 */
export function checkHostIds(where: string, name: string, ids: Tensor, count: number, also?: number): void {
  if (!liesOnHost()) return;
  const values = ids.dataSync();
  const at = values.findIndex((id: number) => (id < 0 || id >= count) && id !== also);
  if (at < 0) return;
  throw new SsmError({
    code: 'TOKENS',
    what: `${where}: \`${name}\` holds an id outside the vocabulary.`,
    expected: `integers from 0 to ${count - 1}${also === undefined ? '' : `, or ${also}`}`,
    got: `${values[at]} at index ${at} of [${ids.shape.join(', ')}]`,
    fix: "encode the text with this model's own tokenizer",
  });
}
