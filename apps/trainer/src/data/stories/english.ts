/** As much English grammar as the stories need. */

export type Tense = 'past' | 'present';

/** Third person singular and past of verbs that do not follow the rule. */
const IRREGULAR: Readonly<Record<string, readonly [string, string]>> = Object.fromEntries(
  `be is was, have has had, do does did, go goes went, say says said, give gives gave, tell tells told, buy buys bought, pay pays paid,
  eat eats ate, find finds found, hide hides hid, put puts put, take takes took, lose loses lost, run runs ran, think thinks thought,
  know knows knew, bring brings brought, leave leaves left, get gets got, keep keeps kept, see sees saw, sit sits sat, come comes came,
  fall falls fell, sell sells sold, speak speaks spoke, throw throws threw, win wins won, write writes wrote, make makes made,
  feel feels felt, sleep sleeps slept, hear hears heard, meet meets met, shake shakes shook, shine shines shone, blow blows blew,
  ring rings rang, stop stops stopped, hum hums hummed, nod nods nodded, trip trips tripped, drop drops dropped, swap swaps swapped,
  begin begins began, stand stands stood, steal steals stole, hold holds held, cost costs cost, slip slips slipped, grow grows grew, step steps stepped, teach teaches taught, set sets set, travel travels travelled`
    .split(',')
    .map((line) => line.trim().split(' '))
    .map(([base = '', third = '', past = '']) => [base, [third, past]]),
);

const isVowel = (letter: string | undefined): boolean => letter !== undefined && 'aeiou'.includes(letter);

function regular(base: string): readonly [string, string] {
  if (base.endsWith('y') && !isVowel(base.at(-2))) return [`${base.slice(0, -1)}ies`, `${base.slice(0, -1)}ied`];
  const third = /(s|sh|ch|x|z|o)$/.test(base) ? `${base}es` : `${base}s`;
  return [third, base.endsWith('e') ? `${base}d` : `${base}ed`];
}

/** The verb in a tense, for one (he, she, it) or many (they). */
export function conjugate(base: string, tense: Tense, isPlural = false): string {
  const [third, past] = IRREGULAR[base] ?? regular(base);
  if (base === 'be' && isPlural) return tense === 'past' ? 'were' : 'are';
  if (tense === 'past') return past;
  return isPlural ? base : third;
}

const SMALL =
  'no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = '_ ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

/** 0 to 99 in words; none of something is "no". */
export function inWords(number: number): string {
  if (number < 20) return SMALL[number] as string;
  const rest = number % 10;
  return (TENS[Math.floor(number / 10)] as string) + (rest ? `-${SMALL[rest]}` : '');
}

/** "one pear", "two pears", "no pears". */
export const amount = (count: number, [one, many]: readonly [string, string]): string => `${inWords(count)} ${count === 1 ? one : many}`;

/** "a goat", "an owl", "an honest goat". */
export const withArticle = (text: string): string => `${isVowel(text[0]) || text.startsWith('honest') ? 'an' : 'a'} ${text}`;

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export const capitalised = (text: string): string => text.replace(/[a-z]/i, (letter) => letter.toUpperCase());
