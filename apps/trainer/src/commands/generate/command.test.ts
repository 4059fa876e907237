import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { main } from '../../main';
import { fakeIo, run } from '../../test-support/fake-io';
import { testFolder, writeTinyModel } from '../../test-support/tiny-model';

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(at('model'));
  await writeTinyModel(at('mute'), { tokenizer: null });
  await writeTinyModel(at('run', 'checkpoint'));
  await writeFile(at('prompt.txt'), 'Once upon');
});
afterAll(() => folder.remove());

const generate = (...argv: string[]) => run(['generate', ...argv], { cwd: folder.path });
const SHORT = ['--max-tokens', '6', '--seed', '3'];

describe('densessm generate', () => {
  it('writes the same text for the same seed, wherever the prompt comes from', async () => {
    const { code, stdout, stderr } = await generate('model', 'Once upon', ...SHORT);
    expect([code, stderr]).toEqual([EXIT.fine, '']);
    expect(stdout.length).toBeGreaterThan(1);
    expect((await generate('model', '--prompt', 'Once upon', ...SHORT)).stdout).toBe(stdout);
    expect((await generate('model', '--prompt-file', 'prompt.txt', ...SHORT)).stdout).toBe(stdout);
    expect((await generate('run', 'Once upon', ...SHORT)).stdout).toBe(stdout);
    expect((await run(['generate', 'model', '-', ...SHORT], { cwd: folder.path, stdin: 'Once upon' })).stdout).toBe(stdout);
    expect((await generate('model', 'Once upon', '--echo', ...SHORT)).stdout).toBe(`Once upon${stdout}`);
  });

  it('passes every option of sampling on', async () => {
    const json = async (...flags: string[]) => JSON.parse((await generate('model', 'ab', '--json', ...flags)).stdout);
    const greedy = await json('--temperature', '0', '--max-tokens', '4');
    expect(greedy).toMatchObject({ model: 'model', prompt: 'ab', promptTokens: 2, finishReason: 'length' });
    const [first] = greedy.tokens;
    expect((await json('--temperature', '0', '--max-tokens', '4', '--eos-id', `${first}`)).tokens).toEqual([first]);
    expect((await json('--temperature', '0', '--max-tokens', '1', '--logit-bias', '65=1000')).tokens).toEqual([65]);
    expect((await json('--temperature', '0', '--max-tokens', '1', '--logit-bias', `${first}=-inf`)).tokens).not.toEqual([first]);
    const drawn = await json(...['--top-k', '1', '--top-p', '0.9', '--min-p', '0.1', '--seed', '1', '--max-tokens', '4']);
    expect(drawn.tokens).toEqual(greedy.tokens); // the likeliest alone
    const forced = ['--temperature', '0', '--logit-bias', '65=50', '--max-tokens', '6'];
    expect((await json(...forced)).text).toBe('AAAAAA');
    expect((await json(...forced, '--no-repeat-ngram', '2')).text).not.toContain('AAA');
    expect((await json(...forced, '--repetition-penalty', '1000')).text).not.toBe('AAAAAA');
    expect((await json(...forced, '--presence-penalty', '60')).text).not.toBe('AAAAAA');
    expect((await json(...forced, '--frequency-penalty', '20')).text).not.toBe('AAAAAA');
    expect(await json(...forced, '--stop', 'AAA')).toMatchObject({ text: '', finishReason: 'stop' });
    const breaks = ['--temperature', '0', '--logit-bias', '10=50', '--max-tokens', '6'];
    expect(await json(...breaks, '--stop', '\\n')).toMatchObject({ text: '', finishReason: 'stop' });
    const beams = await json('--num-beams', '3', '--length-penalty', '0.5', '--early-stopping', 'never', '--max-tokens', '3');
    expect(beams.score).toBeLessThan(0);
    expect((await json('--max-tokens', '2', '--top-logprobs', '2', '--logprobs')).topLogprobs[1]).toHaveLength(2);
  });

  it('keeps weights as it is told', async () => {
    const greedy = ['--temperature', '0', '--max-tokens', '12', '--device', 'wasm'];
    const texts = await Promise.all(
      ['f32', 'bf16', 'int4'].map(async (type) => (await generate('model', 'ab', '--weights', type, ...greedy)).stdout),
    );
    expect(texts[0]).toBe((await generate('model', 'ab', ...greedy)).stdout);
    expect(texts[2]).not.toBe(texts[0]);
    await run(['convert', 'model', 'int4', '--dtype', 'int4'], { cwd: folder.path });
    expect((await generate('int4', 'ab', ...greedy)).stdout).toBe(texts[2]); // the numbers of the folder as they are
    const beams = await generate('model', 'ab', '--weights', 'int8', '--num-beams', '2', '--max-tokens', '3');
    expect(beams).toMatchObject({ code: EXIT.fine, stderr: '' });
    const none = await generate('model', 'ab', '--weights', 'int8', '--device', 'cpu');
    expect(none).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('leave --weights out') });
  });

  it('continues from a snapshot as if it had never stopped', async () => {
    const greedy = ['--temperature', '0', '--ids'];
    const whole = (await generate('mute', '5 23 8', ...greedy, '--max-tokens', '8')).stdout.trim().split(' ');
    const first = (await generate('mute', '5,23,8', ...greedy, '--max-tokens', '3', '--snapshot', 'a.session')).stdout.trim().split(' ');
    const rest = (await generate('mute', ...greedy, '--max-tokens', '5', '--restore', 'a.session')).stdout.trim().split(' ');
    expect([...first, ...rest]).toEqual(whole);
    const again = await generate('mute', '5', ...greedy, '--snapshot', 'a.session');
    expect(again).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('--overwrite') });
    const other = await generate('model', '--restore', 'prompt.txt');
    expect(other).toMatchObject({ code: EXIT.failure, stdout: '' });
  });

  it.each([
    ['text for a model without tokenizer', ['mute', 'hello'], EXIT.failure, '--tokenizer'],
    ['a prompt that is no ids', ['mute', 'hello', '--ids'], EXIT.usage, 'no token ids'],
    ['two prompts', ['model', 'a', '--prompt', 'b'], EXIT.usage, 'several prompts'],
    ['a temperature below zero', ['model', 'a', '--temperature', '-1'], EXIT.usage, 'a number from 0'],
    ['log-probabilities nobody sees', ['model', 'a', '--logprobs'], EXIT.usage, 'add --json'],
    ['beams with a snapshot', ['model', 'a', '--num-beams', '2', '--snapshot', 'b'], EXIT.usage, 'leave one of them out'],
    ['an unknown flag', ['model', 'a', '--temprature', '1'], EXIT.usage, 'did you mean --temperature?'],
    ['a device that is none', ['model', 'a', '--device', 'tpu'], EXIT.usage, 'auto, webgpu, wasm, cpu'],
    ['weights that are none', ['model', 'a', '--weights', 'int2'], EXIT.usage, 'f32, bf16, int8, int4'],
    ['an empty folder', ['.', 'a'], EXIT.failure, 'config.json is missing'],
  ])('refuses %s', async (_, argv, code, message) => {
    expect(await generate(...argv)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('keeps what it wrote and ends with 130 where it is broken off', async () => {
    const controller = new AbortController();
    const io = fakeIo({ cwd: folder.path, signal: controller.signal });
    const write = io.stdout.write;
    let parts = 0;
    io.stdout.write = (text: string) => {
      write(text);
      if (++parts === 3) controller.abort();
    };
    const argv = ['generate', 'mute', '5', '--ids', '--max-tokens', '1000', '--temperature', '0', '--snapshot', 'broken.session'];
    expect(await main(argv, io)).toBe(EXIT.interrupted);
    expect(io.written().stdout.trim().split(' ')).toHaveLength(3);
    expect((await stat(at('broken.session'))).size).toBeGreaterThan(0);
  });
});
