import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../io';
import { main } from '../main';
import { importPlugin } from '../model/plugins';
import { fakeIo, run } from '../test-support/fake-io';
import { testFolder } from '../test-support/tiny-model';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/gated-linear-attention.js', import.meta.url));
const SIZES = '--hidden-size 8 --num-hidden-layers 2 --num-attention-heads 2 --dense-layers 1'.split(' ');
const PACE = '--block-size 12 --batch-size 2 --max-steps 4 --eval-interval 2 --eval-iters 2 --sample-interval 0 --cache-dir cache'.split(
  ' ',
);
const train = (...argv: string[]): string[] => ['train', '--data', 'text.txt', ...PACE, ...argv];
let folder: Awaited<ReturnType<typeof testFolder>>;
let cwd: string;

beforeAll(async () => {
  folder = await testFolder();
  cwd = folder.path;
  const random = mulberry32(3);
  const words = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'and', 'saw\n'];
  await writeFile(join(cwd, 'text.txt'), Array.from({ length: 400 }, () => words[Math.floor(8 * random())]).join(' '));
  expect(await run(train('--name', 'own', '--plugin', EXAMPLE, ...SIZES), { cwd })).toMatchObject({
    code: EXIT.fine,
    stdout: expect.stringContaining(`densessm generate out/own --plugin ${EXAMPLE} --prompt`),
  });
});
afterAll(() => folder.remove());

const json = async (...path: string[]) => JSON.parse(await readFile(join(cwd, ...path), 'utf8'));
/** A module of the test's own. */
async function module(name: string, text: string): Promise<string> {
  await writeFile(join(cwd, name), text);
  return `./${name}`;
}

describe('a model of a plugin', () => {
  it('is trained with the sizes of the flags, its gates observed, and its run accounted for', async () => {
    expect(await json('out', 'own', 'best', 'config.json')).toMatchObject({
      ...{ model_type: 'gated_linear_attention', hidden_size: 8, num_hidden_layers: 2, num_heads: 2, dense_block_layers: 1 },
    });
    const { settings } = await json('out', 'own', 'run.json');
    expect(settings).toMatchObject({ model: 'gated-linear-attention', plugin: [EXAMPLE] });
    const log = await readFile(join(cwd, 'out', 'own', 'log.jsonl'), 'utf8');
    expect(log).toContain('"type":"gates"');
  });

  it('is resumed, read, measured, looked into, converted and compared', async () => {
    await cp(join(cwd, 'out', 'own'), join(cwd, 'out', 'longer'), { recursive: true });
    const own = ['--plugin', EXAMPLE];
    const calls: readonly (readonly string[])[] = [
      ['train', '--name', 'longer', '--init-from', 'resume', '--max-steps', '6', ...own],
      ['train', ...train('--name', 'further', '--init-from', 'out/own', ...own).slice(1)],
      ['generate', ...own, 'out/longer', 'the cat', '--max-tokens', '3', '--temperature', '0'],
      ['eval', 'out/own', '--perplexity', 'text.txt', ...own],
      ['inspect', 'out/own', ...own],
      ['convert', 'out/own', 'int8', '--dtype', 'int8', ...own],
      ['generate', 'int8', 'the', '--max-tokens', '2', ...own],
      ['report', 'out/own', 'out/longer', '--output', 'both.html', ...own],
      ['runs', ...own],
      ['chat', 'out/own', '--style', 'plain', '--max-tokens', '2', ...own],
    ];
    for (const argv of calls) expect(await run(argv, { cwd }), argv.join(' ')).toMatchObject({ code: EXIT.fine });
    expect(await json('out', 'longer', 'run.json')).toMatchObject({ state: 'finished', step: 6 });
    expect(await readFile(join(cwd, 'both.html'), 'utf8')).toContain('gated_linear_attention');
  });

  it('is known to commands of a program that passes it to main', async () => {
    const { default: model } = await import(EXAMPLE);
    const io = fakeIo({ cwd });
    expect(await main(['inspect', 'out/own', '--json'], io, { models: [model] })).toBe(EXIT.fine);
    expect(JSON.parse(io.written().stdout)).toMatchObject({ modelType: 'gated_linear_attention', layers: 2 });
    const named = train('--name', 'named', '--model', 'gated_linear_attention', ...SIZES, '--max-steps', '1');
    expect(await main(named, fakeIo({ cwd }), { models: [model] })).toBe(EXIT.fine);
  });

  it('is asked for where only the run or the files name it', async () => {
    const resumed = await run(['train', '--name', 'own', '--init-from', 'resume', '--max-steps', '9'], { cwd });
    expect(resumed).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining(`add --plugin ${EXAMPLE}, the module`) });
    const read = await run(['generate', 'out/own', 'the'], { cwd });
    expect(read).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('models of your own with --plugin FILE') });
    for (const argv of [['report', 'out/own', '--output', 'own.html'], ['runs']])
      expect(await run(argv, { cwd }), argv.join(' ')).toMatchObject({ code: EXIT.fine });
  });
});

describe('--plugin', () => {
  it('may stand in a config file, and wins over the model of a preset', async () => {
    const plugin = await module('in-file.js', `export { default } from ${JSON.stringify(EXAMPLE)};`);
    await writeFile(join(cwd, 'run.yaml'), `preset: stories\nplugin: ${plugin}\nhidden-size: 8\n`);
    const argv = train('--config', 'run.yaml', '--name', 'filed', '--max-steps', '1');
    expect(await run(argv, { cwd })).toMatchObject({ code: EXIT.fine });
    expect(await json('out', 'filed', 'run.json')).toMatchObject({ settings: { model: 'gated-linear-attention', hiddenSize: 8 } });
  });

  it('may name an installed package', async () => {
    const place = join(cwd, 'node_modules', 'my-model');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'index.js'), 'export default [1, 2];');
    await writeFile(join(place, 'package.json'), '{"name":"my-model","type":"module","exports":"./index.js"}');
    expect(await importPlugin('my-model', cwd)).toEqual([1, 2]);
  });

  it.each([
    [['--plugin', EXAMPLE, '--state-size', '4'], EXIT.usage, '--state-size has no meaning for the model gated-linear-attention'],
    [['--plugin', EXAMPLE, '--config-json', '{"num_head":2}'], EXIT.failure, '`num_head` cannot be used'],
    [['--plugin', EXAMPLE, '--model', 'gated-linear-atention'], EXIT.usage, 'did you mean gated-linear-attention?'],
    [['--model', 'mambo'], EXIT.usage, 'did you mean mamba?'],
    [['--model', 'transformer'], EXIT.usage, 'add --plugin FILE'],
    [['--plugin', './none.js'], EXIT.failure, '--plugin ./none.js: there is no such module'],
    [['--plugin', 'no-such-package'], EXIT.failure, 'there is no such module'],
  ])('says what is wrong: %j', async (argv, code, message) => {
    const ran = await run(train('--name', 'wrong', ...argv), { cwd });
    expect(ran).toMatchObject({ code, stderr: expect.stringContaining(message) });
    await expect(readFile(join(cwd, 'out', 'wrong', 'run.json'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['a module that throws', 'throw new Error("no luck")', EXIT.failure, 'Error: no luck'],
    ['a module without a default export', 'export const model = 1;', EXIT.usage, 'there is no model in it'],
    ['something else', 'export default 7;', EXIT.usage, 'what it exports is no model'],
    ['a part of a model', 'export default { modelType: "half", init() {} };', EXIT.usage, 'recognizes: undefined'],
    [
      'a name that is taken',
      `import one from ${JSON.stringify(EXAMPLE)}; export default { ...one, modelType: 'mamba' };`,
      EXIT.usage,
      'taken',
    ],
    [
      'several models',
      `import one from ${JSON.stringify(EXAMPLE)}; export default [one, { ...one, modelType: 'other' }];`,
      EXIT.usage,
      'say which with --model',
    ],
    [
      'a configFor that forgets to return',
      `import one from ${JSON.stringify(EXAMPLE)}; export default { ...one, configFor() {} };`,
      EXIT.usage,
      'configFor of the model gated-linear-attention returns no config',
    ],
  ])('refuses %s', async (name, text, code, message) => {
    const plugin = await module(`${name.replaceAll(' ', '-')}.js`, text);
    const ran = await run(train('--name', 'wrong', '--plugin', plugin), { cwd });
    expect(ran).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  it('gives Hugging Face’s keys to a model without configFor, and refuses a size that it does not keep', async () => {
    const text = `import one from ${JSON.stringify(EXAMPLE)};
      const { configFor, parseConfig, ...rest } = one;
      export default { ...rest, modelType: 'plain', parseConfig: (json) => parseConfig({ num_heads: 1, ...json, model_type: one.modelType }) };`;
    const plugin = await module('plain.js', text);
    const argv = train('--name', 'plain', '--plugin', plugin, '--hidden-size', '8', '--num-hidden-layers', '1', '--max-steps', '1');
    const refused = await run([...argv, '--num-attention-heads', '2'], { cwd });
    expect(refused.stderr).toContain('num_attention_heads');
    expect(await run(argv, { cwd })).toMatchObject({ code: EXIT.fine });
  });
});
