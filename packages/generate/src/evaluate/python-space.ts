/** What Python takes for white space; JavaScript has U+FEFF in its place of U+001C to U+001F and U+0085. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts the separators U+001C to U+001F as space
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const SPACE_AT_END = new RegExp(`${SPACE.source}$`, 'u');

/** `len(re.split(r"\s+", text))`, the words that lm-evaluation-harness counts. */
export const wordsOf = (text: string): number => text.split(SPACE).length;

/** `text.rstrip()` */
export const withoutSpaceAtEnd = (text: string): string => text.replace(SPACE_AT_END, '');
