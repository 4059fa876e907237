import { SsmError } from '@densessm/ssm-core';
import { hash32 } from '@densessm/train/internal';
import { tellStory } from './story';

export interface StoryCorpusOptions {
  /** Another seed tells other stories. Default 1. */
  seed?: number;
  /** UTF-16 units of text, all stories together: the last story is whole, so that a few more may come. */
  characters: number;
  /** Which stories: a story belongs to one of the two by its text, with whatever seed. Default `train`. */
  part?: 'train' | 'heldOut';
}

/** Of the characters to train on, so many are told to evaluate on. */
export const HELD_OUT_SHARE: number = 1 / 20;
/** One story in this many is held out. */
const HELD_OUT_OF = 8;

/**
 * The default corpus: short stories made by a small grammar of our own, one after the other, as long as they are asked for.
 * They contain what a better model predicts better: names, sayings, owners, hiding places and numbers that come back much
 * later, agreement in number, gender and tense, quotes, sums, and questions at the end about the beginning.
 * @throws SsmError OPTION
 */
export function* storyCorpus({ seed = 1, characters, part = 'train' }: StoryCorpusOptions): Generator<string, void, undefined> {
  requireNumber('seed', seed);
  requireNumber('characters', characters);
  for (let index = 0, told = 0; told < characters; index++) {
    const { text } = tellStory(hash32(seed, index));
    if (isHeldOut(text) !== (part === 'heldOut')) continue;
    told += text.length;
    yield text;
  }
}

/** By the text itself: two seeds that happen to tell the same story put it into the same part. */
function isHeldOut(text: string): boolean {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash32(hash >>> 0) % HELD_OUT_OF === 0;
}

function requireNumber(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  const what = `storyCorpus: \`${name}\` has no meaning.`;
  throw new SsmError({ code: 'OPTION', what, expected: 'an integer from 0', got: String(value), fix: `correct ${name}` });
}
