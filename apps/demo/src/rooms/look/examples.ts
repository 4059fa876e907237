/** Pictures that ship, so that something is seen before any model is there. Made by `apps/demo/scripts/record.ts`. */
import { parseTrace } from '@densessm/inspect';
import type { Picture } from './picture';

export const EXAMPLES = [
  {
    id: 'story',
    name: 'A story, and a question about it',
    text: 'Once there was a retired owl called Ralph, who lived at the edge of the forest. Ralph ate nothing but soup. Next door lived Willa, a lonely accountant.\n\nWhat did Ralph like to eat? Soup.',
  },
  {
    id: 'hiding',
    name: 'A thing that is hidden',
    text: 'Flora hid the golden kite under the bed. Quentin came in and looked for the golden kite. "It is not here," said Quentin.\n\nWhere was the golden kite? Under the bed.',
  },
  {
    id: 'novel',
    name: 'The tone of a novel',
    text: 'It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.',
  },
] as const;
export type ExampleId = (typeof EXAMPLES)[number]['id'];

const read = new Map<string, Promise<Picture | undefined>>();

/** Undefined where the file is missing. */
export function readPicture(id: ExampleId): Promise<Picture | undefined> {
  const known =
    read.get(id) ??
    fetch(`./traces/${id}.bin`)
      .then(async (response) => (response.ok ? parseTrace<Picture>(new Uint8Array(await response.arrayBuffer())) : undefined))
      .catch(() => undefined);
  read.set(id, known);
  return known;
}
