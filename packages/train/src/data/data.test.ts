import { SsmError } from '@densessm/ssm-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Batch, IGNORED_TARGET, type TokenSource } from './batch';
import { evaluationBlocks } from './evaluation';
import { consecutiveBlocks, packedDocuments, randomBlocks } from './samplers';
import { sourcePart, tokenSource } from './source';

const SEPARATOR = 9999;

/** Documents of the given lengths whose tokens are their own positions; with a separator, each begins with it. */
function documents(lengths: readonly number[], separator?: number): TokenSource {
  const documentStarts: number[] = [];
  const ids: number[] = [];
  for (const length of lengths) {
    documentStarts.push(ids.length);
    if (separator !== undefined) ids.push(separator);
    for (let i = 0; i < length; i++) ids.push(ids.length);
  }
  return tokenSource(Int32Array.from(ids), documentStarts, { separator });
}

const lengthsOf = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
const sizes = fc.record({ batchSize: fc.integer({ min: 1, max: 5 }), blockSize: fc.integer({ min: 1, max: 9 }) });
const seeds = fc.nat();

/** Every position of a batch: row, token, target, whether the state starts anew before it. */
function* positions({ tokens, targets, documentStarts, batchSize, length }: Batch) {
  for (let b = 0; b < batchSize; b++)
    for (let t = 0; t < length; t++) {
      const i = b * length + t;
      yield { t, token: tokens[i] as number, target: targets[i] as number, documentStarts: documentStarts?.[i] === 1 };
    }
}

/** What a batch must be, whichever sampler made it: the token at each position is the position itself. */
function expectSound(batch: Batch, source: TokenSource): void {
  const documentStarts = new Set(Array.from(source.documentStarts));
  let before = -1;
  for (const { t, token, target, documentStarts: isStart } of positions(batch)) {
    if (target !== IGNORED_TARGET && token !== 0) {
      expect(target).toBe(token + 1);
      expect(documentStarts.has(token + 1)).toBe(false);
    }
    if (t > 0 && batch.documentStarts) expect(isStart).toBe(documentStarts.has(token) && token !== 0);
    if (t > 0 && !batch.documentStarts) expect(documentStarts.has(token) && token !== 0).toBe(false);
    if (t > 0 && token !== 0) expect(token).toBe(before + 1);
    before = token;
  }
}

const learned = (batches: readonly Batch[]): number[] =>
  batches.flatMap((batch) => [...batch.targets].filter((target) => target !== IGNORED_TARGET));

/** The tokens that can be predicted: all but the first of each document. */
function predictable(source: TokenSource, ids: readonly number[]): number[] {
  const documentStarts = new Set([0, ...Array.from(source.documentStarts)]);
  return ids.filter((_, position) => !documentStarts.has(position));
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe('packed documents', () => {
  it('predict every token once an epoch, none across the border of a document', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOf, sizes, seeds, fc.integer({ min: 1, max: 3 }), async (lengths, size, seed, parts) => {
        const source = documents(lengths);
        fc.pre(source.length > size.blockSize);
        const blocks = Math.ceil((source.length - 1) / size.blockSize);
        const sampler = packedDocuments(source, { ...size, seed, gradientAccumulationSteps: parts });
        const rows: Batch[] = [];
        // as many steps as make a whole number of epochs
        for (let step = 0; step < blocks; step++) for (let part = 0; part < parts; part++) rows.push(await sampler.batch(step, part));
        for (const batch of rows) expectSound(batch, source);
        const epochs = size.batchSize * parts;
        const expected = predictable(source, range(source.length)).flatMap((token) => Array(epochs).fill(token));
        expect(learned(rows).sort((a, b) => a - b)).toEqual(expected);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it('visit the blocks in another order in each epoch and for each seed', async () => {
    const source = tokenSource(range(65));
    const order = async (seed: number, epoch: number) => {
      const sampler = packedDocuments(source, { batchSize: 16, blockSize: 4, seed });
      const { tokens } = await sampler.batch(epoch, 0);
      return Array.from({ length: 16 }, (_, row) => tokens[row * 4]);
    };
    const orders = [await order(1, 0), await order(1, 1), await order(2, 0)].map(String);
    expect(new Set(orders).size).toBe(3);
    expect(orders).not.toContain(String(range(16).map((row) => row * 4)));
  });
});

describe('a separator', () => {
  it('is what the last token of a document predicts', async () => {
    const source = documents([3, 2], SEPARATOR); // 9999 1 2 3 | 9999 5 6
    const [batch] = await collect(evaluationBlocks(source, { batchSize: 1, blockSize: 6 }));
    expect([...(batch as Batch).tokens]).toEqual([SEPARATOR, 1, 2, 3, SEPARATOR, 5]);
    expect([...(batch as Batch).targets]).toEqual([1, 2, 3, SEPARATOR, 5, 6]);
    expect([...((batch as Batch).documentStarts ?? [])]).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it('leaves the last token of a document without a target where there is none', async () => {
    const [batch] = await collect(evaluationBlocks(documents([4, 3]), { batchSize: 1, blockSize: 6 }));
    expect([...(batch as Batch).targets]).toEqual([1, 2, 3, IGNORED_TARGET, 5, 6]);
  });

  it('at the place just behind a block is no target either', async () => {
    const [batch] = await collect(evaluationBlocks(documents([4, 3]), { batchSize: 1, blockSize: 4 }));
    expect([...(batch as Batch).targets]).toEqual([1, 2, 3, IGNORED_TARGET]);
    expect((batch as Batch).documentStarts).toBeUndefined();
  });
});

describe('random blocks', () => {
  it('are sound, and the same for the same seed and step', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOf, sizes, seeds, fc.nat(1e6), async (lengths, size, seed, step) => {
        const source = documents(lengths);
        fc.pre(source.length > size.blockSize);
        const batch = await randomBlocks(source, { ...size, seed }).batch(step, 0);
        expectSound(batch, source);
        expect(await randomBlocks(source, { ...size, seed }).batch(step, 0)).toEqual(batch);
      }),
      { numRuns: 25, seed: 2 },
    );
  });

  it('are the same rows however a step is cut into micro-batches', async () => {
    const source = tokenSource(range(1000));
    const whole = await randomBlocks(source, { batchSize: 8, blockSize: 5, seed: 3 }).batch(7, 0);
    const cut = randomBlocks(source, { batchSize: 2, blockSize: 5, seed: 3 });
    const parts = await Promise.all(range(4).map((part) => cut.batch(7, part)));
    expect(parts.flatMap(({ tokens }) => [...tokens])).toEqual([...whole.tokens]);
  });

  it('begin everywhere, about equally often', async () => {
    const places = 16;
    const source = tokenSource(range(places + 4));
    const { tokens } = await randomBlocks(source, { batchSize: 16_000, blockSize: 4, seed: 4 }).batch(0, 0);
    const counts = Array(places).fill(0);
    for (let row = 0; row < 16_000; row++) counts[tokens[row * 4] as number]++;
    // 1000 ± 31 is one standard deviation; six of them
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(186);
  });
});

describe('consecutive blocks', () => {
  it('go on in each row where it ended in the step before, and start anew after the last', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOf, sizes, fc.integer({ min: 1, max: 3 }), async (lengths, size, parts) => {
        const source = documents(lengths);
        const columns = size.batchSize * parts;
        fc.pre(source.length > size.blockSize * columns);
        const sampler = consecutiveBlocks(source, { ...size, gradientAccumulationSteps: parts });
        const blocks = Math.floor((source.length - 1) / (columns * size.blockSize));
        const documentStarts = new Set(Array.from(source.documentStarts));
        const seen: number[] = [];
        for (let part = 0; part < parts; part++) {
          const ends = Array(size.batchSize);
          for (let step = 0; step <= blocks; step++) {
            const batch = await sampler.batch(step, part);
            expectSound(batch, source);
            for (const [b, end] of ends.entries()) {
              const here = b * size.blockSize;
              const first = batch.tokens[here] as number;
              if (step % blocks !== 0) expect(first).toBe(end + 1);
              expect(batch.documentStarts?.[here] === 1).toBe(step % blocks === 0 || documentStarts.has(first));
              ends[b] = batch.tokens[here + size.blockSize - 1];
            }
            if (step < blocks) seen.push(...batch.tokens);
          }
        }
        expect(seen.sort((a, b) => a - b)).toEqual(range(blocks * columns * size.blockSize));
      }),
      { numRuns: 25, seed: 3 },
    );
  });
});

describe('evaluation blocks', () => {
  it('predict every token once, in order, and every time anew', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOf, sizes, async (lengths, size) => {
        const source = documents(lengths);
        fc.pre(source.length > 1);
        const blocks = evaluationBlocks(source, size);
        const batches = await collect(blocks);
        for (const batch of batches) expectSound(batch, source);
        expect(learned(batches)).toEqual(predictable(source, range(source.length)));
        expect(await collect(blocks)).toEqual(batches);
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  it('can be a few, spread over the whole', async () => {
    const batches = await collect(evaluationBlocks(tokenSource(range(101)), { batchSize: 2, blockSize: 10, maxBlocks: 3 }));
    expect(batches.map(({ tokens }) => [...tokens].filter((_, i) => i % 10 === 0))).toEqual([[0, 30], [60]]);
  });
});

describe('a part of a source', () => {
  it('reads as its tokens would, with a document that it cuts begun anew', async () => {
    const part = sourcePart(documents([4, 3, 5], SEPARATOR), 2, 11); // cut behind 9999 1 | 2 3 4 9999 …
    expect([...(await part.read(0, 4))]).toEqual([2, 3, 4, SEPARATOR]);
    expect(Array.from(part.documentStarts)).toEqual([0, 3, 7]);
    expect([part.length, part.separator]).toEqual([9, SEPARATOR]);
    await expect(part.read(5, 5)).rejects.toThrow(SsmError);
  });
});

describe('bad input', () => {
  const ten = tokenSource(range(10));
  it.each([
    ['a block as long as the text', () => randomBlocks(ten, { batchSize: 1, blockSize: 10, seed: 1 })],
    ['columns longer than the text', () => consecutiveBlocks(ten, { batchSize: 3, blockSize: 4 })],
    ['a batch without rows', () => packedDocuments(ten, { batchSize: 0, blockSize: 4, seed: 1 })],
    ['half a seed', () => randomBlocks(ten, { batchSize: 1, blockSize: 4, seed: 0.5 })],
    ['no text to evaluate', () => evaluationBlocks(tokenSource([1]), { batchSize: 1, blockSize: 4 })],
    ['documents out of order', () => tokenSource([1, 2, 3], [0, 2, 1])],
    ['a part beyond those of a step', () => packedDocuments(ten, { batchSize: 1, blockSize: 4, seed: 1 }).batch(0, 1)],
  ] as [string, () => unknown][])('%s is one clear error', async (_, make) => {
    const error: unknown = await Promise.resolve()
      .then(make)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SsmError);
    expect((error as SsmError).message).toMatchSnapshot();
  });
});

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
