import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../generate';
import { pieceTokenizer, toyBundle } from '../test-support/toy-model';
import { Session } from './session';

beforeAll(async () => {
  await setBackend('wasm');
});

const DRAWING = { temperature: 1, maxTokens: 10, frequencyPenalty: 0.4, repetitionPenalty: 1.2, noRepeatNgram: 3 };

describe('a session', () => {
  it('reads in pieces what generate reads at once, and draws the same', async () => {
    const bundle = toyBundle({ scale: 3, isPositional: true });
    const session = new Session(bundle, { seed: 5 });
    await session.append([1, 2]);
    await session.append(Int32Array.of(3, 4, 5));
    const alone = await generate(bundle, [1, 2, 3, 4, 5], { ...DRAWING, seed: 5 });
    const drawn = await session.generate(DRAWING);
    expect(drawn.tokens).toEqual(alone.tokens);
    expect(drawn).toMatchObject({ promptTokens: 5, finishReason: 'length' });
    expect(session.tokenCount).toBe(15);
    session.dispose();
    disposeTree(bundle.params);
  });

  it('goes on after two calls as after one, since it has read all that it handed out', async () => {
    const bundle = toyBundle({ scale: 3 });
    const [once, twice] = [new Session(bundle, { seed: 8 }), new Session(bundle, { seed: 8 })];
    await once.append([1, 2]);
    await twice.append([1, 2]);
    const whole = await once.generate(DRAWING);
    const parts = [await twice.generate({ ...DRAWING, maxTokens: 4 }), await twice.generate({ ...DRAWING, maxTokens: 6 })];
    expect(parts.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens);
    expect(twice.logits).toEqual(once.logits);
    for (const session of [once, twice]) session.dispose();
    disposeTree(bundle.params);
  });

  it('has a state of one size and gives all memory back', async () => {
    const bundle = toyBundle();
    const before = memory().numTensors;
    const session = new Session(bundle, { historyLength: 4 });
    const { stateBytes } = session;
    expect(stateBytes).toBe(44);
    for (const length of [1, 10, 100]) {
      await session.append(Array(length).fill(3));
      await session.generate({ maxTokens: 3 });
      expect(session.stateBytes).toBe(stateBytes);
    }
    expect((await session.snapshot()).length).toBeLessThan(900); // of 120 tokens 4 are kept
    session.mark();
    const fork = session.fork();
    fork.dispose();
    session.dispose();
    session.dispose();
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('forks into sessions that do not touch each other', async () => {
    const bundle = toyBundle({ scale: 3 });
    const session = new Session(bundle, { seed: 1 });
    await session.append([1, 2, 3]);
    const fork = session.fork();
    const drawn = await session.generate(DRAWING);
    expect(fork.tokenCount).toBe(3);
    expect((await fork.generate(DRAWING)).tokens).toEqual(drawn.tokens); // the generator was copied too
    session.dispose();
    await fork.append([4]);
    fork.dispose();
    disposeTree(bundle.params);
  });

  it('rewinds to a mark as often as wanted', async () => {
    const bundle = toyBundle({ scale: 3 });
    const session = new Session(bundle, { seed: 1 });
    await session.append([1, 2, 3]);
    const mark = session.mark();
    const { logits } = session;
    const first = await session.generate(DRAWING);
    for (let i = 0; i < 2; i++) {
      session.rewind(mark);
      expect([session.tokenCount, session.logits]).toEqual([3, logits]);
      expect((await session.generate(DRAWING)).tokens).toEqual(first.tokens);
    }
    mark.dispose();
    expect(() => session.rewind(mark)).toThrow(expect.objectContaining({ code: 'STATE' }));
    expect(() => session.rewind(new Session(bundle).mark())).toThrow(/the mark is unknown/);
    session.dispose();
    disposeTree(bundle.params);
  });

  it('encodes text, the first with special tokens, and decodes in the light of what came before', async () => {
    const asked: unknown[] = [];
    const pieces = pieceTokenizer(['a', 'b', 'c']);
    const tokenizer = {
      ...pieces,
      encode: (text: string, options?: object) => {
        asked.push(options);
        return pieces.encode(text);
      },
      decodeStream: () => {
        let isFirst = true; // as SentencePiece: a space before each word but the first
        const push = (id: number): string => {
          const text = `${isFirst ? '' : ' '}${pieces.decode([id])}`;
          isFirst = false;
          return text;
        };
        return { push, end: () => '' };
      },
    };
    const bundle = toyBundle({ vocabSize: 3, tokenizer });
    const session = new Session(bundle);
    await session.append('ab');
    await session.append('c');
    expect(asked).toEqual([{ addSpecialTokens: true }, { addSpecialTokens: false }]);
    expect((await session.generate({ maxTokens: 2 })).text).toMatch(/^ [abc] [abc]$/);
    session.dispose();
    disposeTree(bundle.params);
  });
});

describe('a session in trouble', () => {
  it('stays as it was where appending fails or is aborted', async () => {
    const bundle = toyBundle();
    const session = new Session(bundle, { promptChunk: 2 });
    await session.append([1, 2, 3]);
    const before = { logits: session.logits, count: session.tokenCount, tensors: memory().numTensors };
    const controller = new AbortController();
    const aborted = session.append([1, 2, 3, 4, 5, 6], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(session.append([1, 1, 1, 99])).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(session.append([])).rejects.toMatchObject({ code: 'TOKENS' });
    expect({ logits: session.logits, count: session.tokenCount, tensors: memory().numTensors }).toEqual(before);
    session.dispose();
    disposeTree(bundle.params);
  });

  it('takes a broken step back where the model throws', async () => {
    const bundle = toyBundle({ scale: 3 });
    let isBroken = false;
    const advance: typeof bundle.model.advance = (...call) => {
      if (isBroken) throw new Error('out of memory');
      return bundle.model.advance(...call);
    };
    const session = new Session({ ...bundle, model: { ...bundle.model, advance } }, { seed: 2 });
    await session.append([1, 2]);
    isBroken = true;
    await expect(session.generate(DRAWING)).rejects.toThrow('out of memory');
    expect(session.tokenCount).toBe(2);
    isBroken = false;
    expect((await session.generate(DRAWING)).tokens).toEqual((await generate(bundle, [1, 2], { ...DRAWING, seed: 2 })).tokens);
    session.dispose();
    disposeTree(bundle.params);
  });

  it('holds the text up to the last part after an abort or a break', async () => {
    const bundle = toyBundle({ scale: 3 });
    const session = new Session(bundle, { seed: 4 });
    await session.append([1]);
    const controller = new AbortController();
    const tokens: number[] = [];
    for await (const { token, finishReason } of session.stream({ ...DRAWING, signal: controller.signal })) {
      if (token !== undefined) tokens.push(token);
      if (tokens.length === 3) controller.abort();
      if (finishReason) expect(finishReason).toBe('aborted');
    }
    for await (const { token } of session.stream({ ...DRAWING, maxTokens: 9 })) {
      tokens.push(token as number);
      if (tokens.length === 5) break;
    }
    tokens.push(...(await session.generate({ ...DRAWING, maxTokens: 5 })).tokens);
    expect(tokens).toEqual((await generate(bundle, [1], { ...DRAWING, seed: 4 })).tokens);
    session.dispose();
    disposeTree(bundle.params);
  });

  it('refuses what it cannot do, and says what would work', async () => {
    const bundle = toyBundle();
    const session = new Session(bundle);
    const coded = (code: string) => expect.objectContaining({ name: 'SsmError', code });
    await expect(session.generate()).rejects.toMatchObject({ code: 'TOKENS', message: expect.stringMatching(/nothing was read yet/) });
    await expect(session.append('text')).rejects.toMatchObject({ code: 'OPTION' });
    expect(() => new Session(bundle, { historyLength: 0 })).toThrow(coded('OPTION'));
    expect(() => new Session(bundle, { history: 1 } as object)).toThrow(coded('OPTION'));
    const reading = session.append([1, 2]);
    expect(() => session.fork()).toThrow(/the session is reading/);
    await expect(session.append([3])).rejects.toThrow(/a running append/);
    await reading;
    const running = session.stream();
    await running.next();
    await expect(session.append([3])).rejects.toThrow(/a running stream/);
    expect(() => session.rewind(session.mark())).toThrow(/a running stream/);
    session.fork().dispose(); // between two parts it is allowed
    await running.return();
    await expect(session.generate({ numBeams: 2 })).rejects.toThrow(/one beam/);
    session.dispose();
    expect(() => session.stateBytes).toThrow(coded('STATE'));
    await expect(session.append([1])).rejects.toMatchObject({ code: 'STATE' });
    await expect(session.snapshot()).rejects.toMatchObject({ code: 'STATE' });
    disposeTree(bundle.params);
  });

  it('may be disposed of while a stream is under way', async () => {
    const bundle = toyBundle();
    const before = memory().numTensors;
    const session = new Session(bundle);
    await session.append([1]);
    const running = session.stream();
    await running.next();
    session.dispose();
    await expect(running.next()).rejects.toMatchObject({ code: 'STATE' });
    const other = new Session(bundle, { promptChunk: 1 });
    const reading = other.append([1, 2, 3]);
    other.dispose();
    await expect(reading).rejects.toMatchObject({ code: 'STATE' });
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});
