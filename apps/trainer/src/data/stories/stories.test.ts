import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { storyCorpus } from './corpus';
import { inWords } from './english';
import { type Story, tellStory } from './story';
import { COUNTABLES, MEN, WOMEN } from './words';

const STORIES: readonly Story[] = Array.from({ length: 400 }, (_, seed) => tellStory(seed));
const numbers = new Map(Array.from({ length: 100 }, (_, n) => [inWords(n), n]));
const numberOf = (word: string | undefined): number => numbers.get((word ?? '').toLowerCase()) ?? Number.NaN;
const WORD = '([a-z]+(?:-[a-z]+)?)';
/** What is told, without what is said and without the questions. */
const told = ({ text }: Story): string => (text.split('\n\n')[0] as string).replace(/"[^"]*"|^This is the story of/g, '""');
/** All matches of a pattern in all stories, which must not be few, so that a changed phrase does not silence its test. */
function all(pattern: RegExp, least: number, text = ({ text }: Story) => text): RegExpMatchArray[] {
  const found = STORIES.flatMap((story) => [...text(story).matchAll(pattern)]);
  expect(found.length, String(pattern)).toBeGreaterThanOrEqual(least);
  return found;
}
const answersTo = (story: Story, ask: RegExp): [RegExpMatchArray, string][] =>
  story.questions.flatMap((question) => {
    const match = ask.exec(question.ask);
    return match ? [[match, question.answer] as [RegExpMatchArray, string]] : [];
  });

describe('a story', () => {
  it('is the same for the same seed', () => {
    expect(tellStory(5)).toEqual(tellStory(5));
    expect(new Set(STORIES.map(({ text }) => text)).size).toBe(STORIES.length);
  });

  it('leaves nothing unfilled', () => {
    for (const { text, questions } of STORIES) {
      expect(text).not.toMatch(/[{}[\]_]|undefined|NaN| {2}|\.\.| [.,?]/);
      expect(questions.length).toBeGreaterThan(1);
    }
  });

  it('keeps one tense, outside of what is said', () => {
    for (const story of STORIES) {
      const [past, present] = [/\b(was|were|had|said|gave|got|went)\b/, /\b(is|are|has|says|gives|gets|goes)\b/].map((verbs) =>
        verbs.test(told(story)),
      );
      expect([past, present].filter(Boolean).length, story.text).toBe(1);
    }
  });

  it('agrees in gender', () => {
    const pronouns = [
      /(\w+) (?:stop|stopped|stops) to count (his|her) elbows/g,
      /[Ww]henever (\w+) (?:is|was) surprised, (he|she)/g,
      /short letter to (?:him|her)self/g,
    ];
    for (const [, name = '', pronoun = ''] of [...all(pronouns[0] as RegExp, 5), ...all(pronouns[1] as RegExp, 100)])
      expect([name, (WOMEN.includes(name) ? ['she', 'her'] : ['he', 'his']).includes(pronoun)]).toEqual([name, true]);
    expect(WOMEN.filter((name) => MEN.includes(name))).toEqual([]);
  });

  it('agrees in number, and has the right article', () => {
    for (const { text } of STORIES) {
      expect(text).not.toMatch(/\ba [aeiou]|\ban [^aeioh]|\ba honest/i);
      for (const [one, many] of COUNTABLES) {
        expect(text).not.toMatch(new RegExp(`\\b(one|a|an) (more )?${many}\\b`));
        expect(text).not.toMatch(new RegExp(`\\b(no|two|three|four|five|six|seven|eight|nine|ten) (more )?${one}\\b`));
      }
    }
  });

  it('reckons rightly', () => {
    for (const [, sum = '', answer, a, , right] of all(
      /"(?:And what|What) is ([^?]+)\?"[^"]*"([A-Za-z-]+)," (?:say|said|says)? ?(\w+)\.(?: "No," \w+ \w+\. "It is ([a-z-]+))?/g,
      50,
    )) {
      expect(a).toBeDefined();
      const [, x, kind, y] = new RegExp(`^${WORD} (and|minus|times) ${WORD}$`).exec(sum) ?? [];
      const [m, n] = [numberOf(x), numberOf(y)];
      const result = kind === 'and' ? m + n : kind === 'minus' ? m - n : m * n;
      if (right) expect(numberOf(right)).toBe(result);
      else expect(Math.abs(numberOf(answer) - result) === 0 || [1, 2, 10].includes(Math.abs(numberOf(answer) - result))).toBe(true);
    }
    for (const [, money, price, count, sum, left] of all(
      new RegExp(
        `with ${WORD} coins?\\. .*?(?:for|Only) ${WORD} coins? each.*?(?:b[uo][a-z]+|I will take) ${WORD}\\b.*?${WORD} coins?[.,].*? ha[sd] ${WORD} (?:coins?|money) left`,
        'g',
      ),
      40,
    )) {
      expect(numberOf(price) * numberOf(count)).toBe(numberOf(sum));
      expect(numberOf(money) - numberOf(sum)).toBe(numberOf(left));
    }
  });

  it('counts a heap as it was told', () => {
    let checked = 0;
    for (const story of STORIES)
      for (const [asked, answer] of answersTo(story, /^How many (\w+) d(?:id|oes) (\w+) have in the end\?/)) {
        const [, many = '', name = ''] = asked;
        expect(heap(story.text.split('\n\n')[0] as string, many, name)).toBe(
          answer.startsWith('None') ? 0 : numberOf(answer.split(' ')[0]),
        );
        checked++;
      }
    expect(checked).toBeGreaterThan(40);
  });

  it('says in the end who owns what, as it was told', () => {
    let checked = 0;
    for (const story of STORIES)
      for (const [asked, answer] of answersTo(story, /^Who ha(?:d|s) the ([\w ]+?) in the end\?/)) {
        const thing = asked[1] as string;
        const hands = [
          ...story.text.matchAll(
            new RegExp(
              `g[ai]ves? the ${thing} to (\\w+)|hand(?:s|ed) (\\w+) the ${thing}|Here is the ${thing}," \\w+ \\w+\\. (\\w+)|and g[eo]ts? the (${thing})|brings? the (${thing})|brought the (${thing})`,
              'g',
            ),
          ),
        ];
        const last = hands.at(-1)?.slice(1, 4).find(Boolean);
        if (last) expect([thing, `${last} d`]).toEqual([thing, answer.slice(0, last.length + 2)]);
        checked += last ? 1 : 0;
      }
    expect(checked).toBeGreaterThan(60);
  });

  it('remembers where things are, passwords and favourite dishes', () => {
    let checked = 0;
    for (const story of STORIES) {
      for (const [asked, answer] of answersTo(
        story,
        /^What (?:is|was) the password|^What do(?:es)? \w+ like|^Where (?:is|was) the ([\w ]+) in the end/,
      )) {
        const where = answer.slice(0, -1).toLowerCase();
        const [body = ''] = story.text.split('\n\n');
        expect(body.toLowerCase()).toContain(where);
        const moves = [
          ...body.matchAll(
            new RegExp(
              `(?:the ${asked[1]}|it) (?:was |is )?((?:under|behind|in|inside|up|on top|between|beneath) [a-z ]+)(?=[,.] |[.]\\n|, where| and )`,
              'g',
            ),
          ),
        ];
        if (asked[1] && moves.length > 0 && !/An hour later/.test(body)) expect(where).toBe(moves.at(-1)?.[1]);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(100);
  });
});

/** Replays what happens to the heap of `name`. */
function heap(text: string, many: string, name: string): number {
  const one = COUNTABLES.find(([, plural]) => plural === many)?.[0];
  const pattern = new RegExp(`${WORD} (more )?(?:${many}|${one})\\b|twice as many, and`, 'gi');
  let have = Number.NaN;
  for (const line of text.split('\n')) {
    if (/coins each|^.*for a long walk|see the world|fresh air/.test(line)) continue;
    for (const sentence of line.split(/(?<=[.!])"? (?=[A-Z"])/)) {
      for (const match of sentence.matchAll(pattern)) {
        const count = numberOf(match[1]);
        if (match[0].startsWith('twice')) have *= 2;
        else if (Number.isNaN(count)) continue;
        else if (Number.isNaN(have)) have = count;
        else if (match[2]) have += count;
        else if (/(Now|That (makes?|made|leaves?|left)|counts?|counted)\b/.test(sentence) && sentence.includes(match[0]))
          expect([name, count]).toEqual([name, have]);
        else have -= count;
      }
    }
  }
  return have;
}

describe('the corpus', () => {
  it('is as long as asked for, story by story, and the same for the same seed', () => {
    const corpus = [...storyCorpus({ characters: 20_000 })];
    const length = corpus.join('').length;
    expect(length).toBeGreaterThanOrEqual(20_000);
    expect(length - (corpus.at(-1) as string).length).toBeLessThan(20_000);
    expect([...storyCorpus({ characters: 20_000 })]).toEqual(corpus);
    expect([...storyCorpus({ characters: 20_000, seed: 2 })]).not.toEqual(corpus);
  });

  it('puts no story into both parts, whatever the seed', () => {
    const train = [1, 2].flatMap((seed) => [...storyCorpus({ characters: 300_000, seed })]);
    const heldOut = [1, 2].flatMap((seed) => [...storyCorpus({ characters: 40_000, seed, part: 'heldOut' })]);
    const known = new Set(train);
    expect(heldOut.length).toBeGreaterThan(20);
    expect(heldOut.filter((story) => known.has(story))).toEqual([]);
  });

  it('refuses half a character', () => {
    expect(() => [...storyCorpus({ characters: 0.5 })]).toThrow(SsmError);
  });
});
