import { mulberry32 } from '@densessm/ssm-core/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenHistory } from '../token-history';
import { drawToken } from './draw';
import { addLogitBias } from './logit-bias';
import { forbidRepeatedNgrams } from './no-repeat-ngram';
import { penalizeOccurrence, penalizeRepetition } from './penalties';
import { argMax, logSumExp, mostLikely } from './probabilities';
import { randomFrom, seededRandom } from './random';
import { applyCuts, applyPreferences, type SamplingPlan, sampleToken } from './sample-token';
import { scaleByTemperature } from './temperature';
import { keepMinP, keepTopK, keepTopP } from './truncation';

const neutral: SamplingPlan = {
  ...{ logitBias: new Map(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, noRepeatNgram: 0 },
  ...{ temperature: 1, topK: 0, topP: 1, minP: 0 },
};
const LOGITS = Float32Array.of(0.5, 2, -1, 1.25, 2, 0, -0.25, 1);
const HISTORY = [1, 3, 3, 5, 1, 3];
const history = (): TokenHistory => {
  const all = new TokenHistory();
  all.give(HISTORY.slice(0, 2));
  for (const id of HISTORY.slice(2)) all.draw(id);
  return all;
};

/** softmax by definition. */
function softmax(logits: readonly number[]): number[] {
  const weights = logits.map((logit) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The probabilities with only some tokens kept. */
function restrictedTo(kept: readonly number[], logits: readonly number[] = [...LOGITS]): number[] {
  return softmax(logits.map((logit, id) => (kept.includes(id) ? logit : -Infinity)));
}

/** Each sampler and the distribution it must give, worked out by hand from its definition. */
const DISTRIBUTIONS: Record<string, [plan: Partial<SamplingPlan>, exact: number[]]> = {
  'the model itself': [{}, softmax([...LOGITS])],
  temperature: [{ temperature: 0.5 }, softmax([...LOGITS].map((logit) => 2 * logit))],
  'top-k, the lower id of equal ones': [{ topK: 1 }, restrictedTo([1])],
  'top-k of three': [{ topK: 3 }, restrictedTo([1, 3, 4])],
  'top-p': [{ topP: 0.55 }, restrictedTo([1, 4])], // 0.287 + 0.287 ≥ 0.55
  'top-p, the lower id of equal ones': [{ topP: 0.2 }, restrictedTo([1])],
  'min-p': [{ minP: 0.3 }, restrictedTo([1, 3, 4, 7])], // e^(1 − 2) = 0.37, e^(0.5 − 2) = 0.22
  'logit bias': [
    {
      logitBias: new Map([
        [2, 3],
        [1, -Infinity],
      ]),
    },
    softmax([0.5, -Infinity, 2, 1.25, 2, 0, -0.25, 1]),
  ],
  'repetition penalty': [{ repetitionPenalty: 2 }, softmax([0.5, 1, -1, 0.625, 2, 0, -0.25, 1])],
  'presence and frequency penalty': [{ presencePenalty: 0.5, frequencyPenalty: 0.25 }, softmax([0.5, 1.25, -1, 0.25, 2, -0.75, -0.25, 1])],
  'no-repeat n-gram': [{ noRepeatNgram: 2 }, restrictedTo([0, 1, 2, 4, 6, 7])], // 3 was followed by 3 and 5
  'all in order': [
    // bias lifts 2 to 4, the penalty halves 1 and 3, then twice the temperature, then {2, 4, 1, 7}, of which min-p drops 1 and 7
    { logitBias: new Map([[2, 5]]), repetitionPenalty: 2, temperature: 2, topK: 4, minP: 0.3 },
    softmax([-Infinity, -Infinity, 2, -Infinity, 1, -Infinity, -Infinity, -Infinity]),
  ],
};

/** Σ (observed − expected)² / expected; tokens that cannot come must not. */
function chiSquared(counts: readonly number[], exact: readonly number[], draws: number): number {
  return exact.reduce((total, p, id) => {
    const expected = p * draws;
    if (p === 0) expect(counts[id], `token ${id} cannot come`).toBe(0);
    return p === 0 ? total : total + ((counts[id] as number) - expected) ** 2 / expected;
  }, 0);
}

/** The value that chi-squared with so many degrees of freedom exceeds once in 1000 times: Wilson and Hilferty 1931. */
const critical = (freedom: number): number =>
  freedom < 1 ? 0 : freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;

describe('drawing', () => {
  it.each(Object.entries(DISTRIBUTIONS))('has the exact distribution: %s', (_, [some, exact]) => {
    const plan = { ...neutral, ...some };
    const random = seededRandom(20240301);
    const draws = 20_000;
    const counts = Array.from(exact, () => 0);
    for (let i = 0; i < draws; i++) {
      const id = sampleToken(LOGITS, history(), plan, random);
      counts[id] = (counts[id] as number) + 1;
    }
    const freedom = exact.filter((p) => p > 0).length - 1;
    expect(chiSquared(counts, exact, draws)).toBeLessThanOrEqual(critical(freedom));
  });

  it('continues from a saved state, and differs between seeds and streams', () => {
    const random = seededRandom(7);
    for (let i = 0; i < 5; i++) random.next();
    const again = randomFrom(random.state());
    expect(Array.from({ length: 5 }, () => random.next())).toEqual(Array.from({ length: 5 }, () => again.next()));
    const first = [seededRandom(0), seededRandom(1), seededRandom(2 ** 32), seededRandom(0, 1), seededRandom(1, 1)].map((one) =>
      one.next(),
    );
    expect(new Set(first).size).toBe(5);
    expect(first.every((x) => x >= 0 && x < 1)).toBe(true);
  });

  it('is xoshiro128**', () => {
    const random = randomFrom([1, 2, 3, 4]); // the authors' C code gives 11520, 0, 5927040, 70819200 from this state
    const words = [11520, 0, 5927040, 70819200] as const;
    const of53 = (high: number, low: number) => ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
    expect([random.next(), random.next()]).toEqual([of53(words[0], words[1]), of53(words[2], words[3])]);
  });
});

describe('greedy choice', () => {
  it('takes the largest after bias and penalties, the lowest id of equal ones, and leaves the logits alone', () => {
    const before = [...LOGITS];
    const greedy = { ...neutral, temperature: 0 };
    expect(sampleToken(LOGITS, history(), greedy, seededRandom(1))).toBe(1);
    expect(sampleToken(LOGITS, history(), { ...greedy, presencePenalty: 0.1 }, seededRandom(1))).toBe(4);
    expect([...LOGITS]).toEqual(before);
    for (const temperature of [1e-5, 1e-20, 1e-40, Number.MIN_VALUE])
      expect([1, 4]).toContain(sampleToken(LOGITS, history(), { ...neutral, temperature, topP: 0.9 }, seededRandom(1)));
  });

  it('says so where nothing is left or a logit is no number', () => {
    expect(() => argMax(Float32Array.of(-Infinity, -Infinity))).toThrow(/no token is left/);
    expect(() => drawToken(Float32Array.of(0, Number.NaN), seededRandom(1))).toThrow(/NaN for token 1/);
    expect(() => addLogitBias(Float32Array.of(0), new Map([[1, 1]]))).toThrow(expect.objectContaining({ code: 'TOKENS' }));
  });
});

const logitsOf = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 40 }).map((list) => list.map((x) => x / 8)); // ties are likely
const keptIds = (logits: Float32Array): number[] => [...logits.keys()].filter((id) => (logits[id] as number) > -Infinity);
const byLikelihood = (logits: readonly number[]): number[] =>
  [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
const sortedIds = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);

describe('cuts, whatever the logits', () => {
  it('top-k keeps the k best', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer({ min: 1, max: 50 }), (logits, k) => {
        expect(keptIds(keepTopK(Float32Array.from(logits), k))).toEqual(sortedIds(byLikelihood(logits).slice(0, k)));
      }),
    );
  });

  it('top-p keeps the fewest best that have the mass', () => {
    fc.assert(
      fc.property(logitsOf, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (logits, p) => {
        const kept = keptIds(keepTopP(Float32Array.from(logits), p));
        const probabilities = softmax(logits);
        const mass = (ids: readonly number[]) => ids.reduce((total, id) => total + (probabilities[id] as number), 0);
        const best = byLikelihood(logits).slice(0, kept.length);
        expect(kept).toEqual(sortedIds(best));
        expect(mass(best)).toBeGreaterThanOrEqual(p - 1e-12);
        expect(mass(best.slice(0, -1))).toBeLessThan(p + 1e-12);
      }),
    );
  });

  it('min-p keeps what is likely enough, the best always', () => {
    fc.assert(
      fc.property(logitsOf, fc.double({ min: 0.001, max: 1, noNaN: true }), (logits, minP) => {
        const kept = keptIds(keepMinP(Float32Array.from(logits), minP));
        const largest = Math.max(...logits);
        expect(kept).toContain(logits.indexOf(largest));
        for (const [id, logit] of logits.entries()) {
          const ratio = Math.exp(logit - largest);
          if (Math.abs(ratio - minP) > 1e-9) expect(kept.includes(id)).toBe(ratio > minP);
        }
      }),
    );
  });

  it('a temperature changes no order', () => {
    fc.assert(
      fc.property(logitsOf, fc.double({ min: 0.1, max: 10, noNaN: true }), (logits, temperature) => {
        expect(byLikelihood([...scaleByTemperature(Float32Array.from(logits), temperature)])).toEqual(byLikelihood(logits));
      }),
    );
  });

  it('neutral values change nothing', () => {
    fc.assert(
      fc.property(logitsOf, (logits) => {
        const row = Float32Array.from(logits);
        expect([...applyCuts(applyPreferences(row, history(), { ...neutral, logitBias: new Map() }), neutral)]).toEqual(logits);
      }),
    );
  });
});

describe('preferences', () => {
  it('forbids exactly the tokens that would repeat an n-gram', () => {
    const token = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), (tokens, size) => {
        const kept = keptIds(forbidRepeatedNgrams(new Float32Array(4), tokens, size));
        const held = new Set(tokens.slice(size - 1).map((_, i) => tokens.slice(i, i + size).join()));
        const isNew = (id: number) => !held.has([...tokens.slice(tokens.length - (size - 1), tokens.length), id].join());
        const want = tokens.length < size - 1 ? [0, 1, 2, 3] : [0, 1, 2, 3].filter(isNew);
        expect(kept).toEqual(want);
      }),
    );
  });

  it('penalizes a positive logit by division and a negative one by multiplication', () => {
    expect([...penalizeRepetition(Float32Array.of(3, -3, 3), [0, 1, 0], 1.5)]).toEqual([2, -4.5, 3]);
    expect([...penalizeOccurrence(Float32Array.of(3, -3, 3), [0, 1, 0], { presence: 1, frequency: 0.5 })]).toEqual([1, -4.5, 3]);
  });
});

describe('log-probabilities', () => {
  it('are those of softmax, most likely first', () => {
    const random = mulberry32(4);
    const logits = Float32Array.from({ length: 50 }, () => Math.round(40 * random()) / 4);
    const exact = softmax([...logits]);
    const best = mostLikely(logits, 7);
    expect(best.map(({ token }) => token)).toEqual(byLikelihood([...logits]).slice(0, 7));
    for (const { token, logprob } of best) expect(logprob).toBeCloseTo(Math.log(exact[token] as number), 10);
    expect(logSumExp(logits)).toBeCloseTo(Math.log([...logits].reduce((total, x) => total + Math.exp(x), 0)), 10);
    expect(mostLikely(logits, 99).length).toBe(50);
  });
});
