import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from './stop-strings';

/** All text that comes out, bit by bit. */
function releasedFrom(stops: readonly string[], pieces: readonly string[]): { shown: string[]; stopped: boolean } {
  const matcher = new StopStrings(stops);
  const shown: string[] = [];
  let isStopped = false;
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    shown.push(text);
    isStopped = stopped;
  }
  return { shown: [...shown, matcher.end()], stopped: isStopped };
}

/** By definition: read letter by letter, end where a stop string is first complete, the longest of those that are. */
function cutByDefinition(stops: readonly string[], text: string): string {
  for (let end = 1; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (complete.length > 0) return text.slice(0, end - Math.max(...complete.map(({ length }) => length)));
  }
  return text;
}

describe('stop strings', () => {
  it('shows nothing of a stop string that comes in pieces, and nothing after it', () => {
    expect(releasedFrom(['\nUser:'], ['Hi', '!\n', 'Us', 'er', ': and', ' more'])).toEqual({
      shown: ['Hi', '!', '', '', '', '', ''],
      stopped: true,
    });
  });

  it('gives back what only looked like one', () => {
    expect(releasedFrom(['END'], ['EN', 'EN', 'DE'])).toEqual({ shown: ['', 'EN', '', ''], stopped: true });
    expect(releasedFrom(['END'], ['E', 'N'])).toEqual({ shown: ['', '', 'EN'], stopped: false });
  });

  it('makes no difference how a text comes in pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(stop, { minLength: 1, maxLength: 3 }), fc.array(text, { maxLength: 6 }), (stops, pieces) => {
        const { shown } = releasedFrom(stops, pieces);
        const want = cutByDefinition(stops, pieces.join(''));
        expect(shown.join('')).toBe(want);
      }),
      { numRuns: 500 },
    );
  });

  it('holds back no more than could begin a stop string', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 20 });
    fc.assert(
      fc.property(text, (all) => {
        const matcher = new StopStrings(['abba']);
        const { text: shown, stopped } = matcher.push(all);
        if (!stopped) expect('abba'.startsWith(all.slice(shown.length))).toBe(true);
      }),
    );
  });
});
