import { spawnSync } from 'node:child_process';
import { existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { main } from '../../main';
import { fakeIo, run } from '../../test-support/fake-io';
import { COMMAND, spawnCommand } from '../../test-support/process';

let cwd: string;
const SIZES = '--hidden-size 8 --num-hidden-layers 2 --state-size 4 --block-size 12 --batch-size 2 --max-steps 12'.split(' ');
const PACE = '--eval-interval 5 --eval-iters 3 --sample-interval 6 --save-interval 4 --log-interval 5 --cache-dir cache'.split(' ');
/** As long as it may take on any machine: 30 ms, 4.1 s, 12 s, 3 min 20 s. */
const TIME = '(?:\\d+ ms|[\\d.]+ s|\\d+ min \\d\\d s)';
const train = (...argv: string[]): string[] => ['train', '--data', 'text.txt', ...SIZES, ...PACE, ...argv];

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'densessm-train-'));
  const random = mulberry32(3);
  const words = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'and', 'saw\n'];
  await writeFile(join(cwd, 'text.txt'), Array.from({ length: 800 }, () => words[Math.floor(8 * random())]).join(' '));
  expect(await run(train('--name', 'whole'), { cwd })).toMatchObject({ code: EXIT.fine });
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** What a run noted, without the times. */
async function recordsOf(name: string): Promise<unknown[]> {
  const text = await readFile(join(cwd, 'out', name, 'log.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { wallTime: _, seconds: __, ...record } = JSON.parse(line);
      return record;
    });
}

/** Weights and optimizer of the last checkpoint, and what its manifest counts. */
async function stateOf(name: string) {
  const read = (file: string) => readFile(join(cwd, 'out', name, 'checkpoint', file));
  const { seconds: _, files: __, ...notes } = JSON.parse((await read('trainer.json')).toString());
  return { weights: await read('model.safetensors'), optimizer: await read('trainer.safetensors'), notes };
}

async function expectSameRun(name: string): Promise<void> {
  expect(await recordsOf(name)).toEqual(await recordsOf('whole'));
  expect(await stateOf(name)).toEqual(await stateOf('whole'));
}

describe('densessm train', () => {
  it('leaves a folder with everything about the run', async () => {
    const files = await readdir(join(cwd, 'out', 'whole'));
    expect(files.map((name) => name.replace(/(tfevents).*/, '$1')).sort()).toEqual([
      ...['best', 'checkpoint', 'events.out.tfevents', 'log.jsonl', 'report.html', 'run.json'],
    ]);
    const checkpoint = ['config.json', 'model.safetensors', 'tokenizer.json', 'trainer.json', 'trainer.safetensors'];
    expect((await readdir(join(cwd, 'out', 'whole', 'checkpoint'))).sort()).toEqual(checkpoint);
    expect((await readdir(join(cwd, 'out', 'whole', 'best'))).sort()).toEqual(checkpoint.slice(0, 4));
    const info = JSON.parse(await readFile(join(cwd, 'out', 'whole', 'run.json'), 'utf8'));
    expect(info).toMatchObject({ state: 'finished', step: 12, settings: { hiddenSize: 8 }, config: { model_type: 'dense_mamba' } });
    const kinds = (await recordsOf('whole')).map((record) => (record as { type: string }).type);
    expect([...new Set(kinds)].sort()).toEqual(['evaluation', 'gates', 'sample', 'step']);
  });

  it('says what it will do before it does it, and ends with how it went', async () => {
    const before = memory().numTensors;
    const { stdout, stderr } = await run(train('--name', 'told', '--model', 'mamba'), { cwd });
    const lines = stderr.split('\n').map((line) => line.split('  ')[0]);
    expect(lines.slice(0, 6)).toEqual(['device', 'data', 'model', 'folder', 'plan', 'step 0']);
    expect(stderr).toMatch(new RegExp(`^plan {5}about ${TIME} for 12 steps of ${TIME}, and [\\d.]+ [kM]B of memory for tensors$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^done {5}12 steps in ${TIME}, held-out loss at best \\d\\.\\d{4} \\(step \\d+\\)$`, 'm'));
    expect(memory().numTensors).toBe(before);
  });

  it('goes on to the bit after SIGKILL, twice', async () => {
    const kill = (step: number) => ({ when: new RegExp(`"step":${step},`), signal: 'SIGKILL' as const });
    const first = await spawnCommand(train('--name', 'killed', '--json'), { cwd, kill: kill(4) });
    expect(first).toMatchObject({ code: null, stderr: '' });
    const resume = ['train', '--name', 'killed', '--init-from', 'resume'];
    const second = await spawnCommand([...resume, '--json'], { cwd, kill: kill(5) });
    expect(second).toMatchObject({ code: null, stderr: '' });
    expect(second.stdout).not.toContain('"type":"step","step":3,'); // the checkpoint of step 4 was there
    await writeFile(join(cwd, 'out', 'killed', 'log.jsonl'), '{"type":"step","st', { flag: 'a' }); // a line that was cut
    expect(await run(resume, { cwd })).toMatchObject({ code: EXIT.fine });
    await expectSameRun('killed');
  });

  it('saves on Ctrl-C, says how to go on, and goes on to the bit', async () => {
    const kill = { when: /^step 2\/12 /m, signal: 'SIGINT' as const };
    const { code, stderr } = await spawnCommand(train('--name', 'broken-off', '--log-interval', '1'), { cwd, kill });
    expect([code, stderr]).toEqual([EXIT.interrupted, expect.stringContaining('stopping; Ctrl-C again')]);
    expect(stderr).toMatch(
      /interrupted after \d+ steps; saved\. Go on with:\n {2}densessm train --out-dir out\/broken-off --init-from resume\n/,
    );
    expect(await run(['train', '--out-dir', 'out/broken-off', '--init-from', 'resume'], { cwd })).toMatchObject({ code: EXIT.fine });
    await expectSameRun('broken-off');
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)('saves on %s as on Ctrl-C', async (signal) => {
    const kill = { when: /^step 2\/12 /m, signal };
    const name = `ended-by-${signal}`;
    const { code, stderr } = await spawnCommand(train('--name', name, '--log-interval', '1'), { cwd, kill });
    expect([code, stderr]).toEqual([EXIT.interrupted, expect.stringMatching(/interrupted after \d+ steps; saved/)]);
    expect((await stateOf(name)).notes.counters).toBeDefined();
  });

  it('goes on without a listener where its output is closed', async () => {
    const { code } = await spawnCommand(train('--name', 'unheard', '--json'), { cwd, close: ['stdout', 'stderr'] });
    expect(code).toBe(EXIT.fine);
    await expectSameRun('unheard');
  });

  it.each([
    ['its folder', /removed$/, 'was removed while the run was training'],
    ['its log', /^log\.jsonl$/, 'log.jsonl was removed or replaced while'],
    ['its lock', /\.lock$/, 'was emptied or taken over while'],
  ])('stops and writes nothing more where %s is gone', async (what, pattern, told) => {
    const name = `${what.split(' ')[1]}-removed`;
    const folder = join(cwd, 'out', name);
    const io = fakeIo({ cwd });
    let left: string[] = [];
    const write = (text: string): void => {
      io.stdout.write(text);
      if (!text.startsWith('{"type":"step","step":2,')) return;
      for (const one of [folder, ...readdirSync(folder)])
        if (pattern.test(one)) rmSync(join(folder, basename(one) === name ? '' : one), { recursive: true });
      left = existsSync(folder) ? readdirSync(folder) : [];
    };
    const code = await main(train('--name', name, '--json'), { ...io, stdout: { ...io.stdout, write } });
    expect([code, io.written().stderr]).toEqual([EXIT.failure, expect.stringContaining(told)]);
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual(left.filter((one) => !one.endsWith('.lock')));
    if (left.length > 0) expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toMatchObject({ state: 'running', step: 0 });
  });

  it('stops and writes nothing more where another process removes its folder', async () => {
    const folder = join(cwd, 'out', 'removed');
    const running = spawnCommand(train('--name', 'removed', '--max-steps', '100000', '--save-interval', '100000', '--eval-interval', '0'), {
      cwd,
    });
    const hasBegun = () =>
      readFile(join(folder, 'log.jsonl'), 'utf8').then(
        (text) => text.includes('"step":1,'),
        () => false,
      );
    await expect.poll(hasBegun).toBe(true);
    await rm(folder, { recursive: true });
    const { code, stderr } = await running;
    // The run may look at its folder while files of it are still being removed, or at its log first.
    const sentence = /was (removed|removed or replaced|emptied or taken over) while the run was training/;
    expect([code, stderr]).toEqual([EXIT.failure, expect.stringMatching(sentence)]);
    expect(await readdir(join(cwd, 'out'))).not.toContain('removed');
  });

  it.runIf(existsSync('/dev/full'))('says so where the results meet a full disk, once the run is done', async () => {
    const shell = spawnSync(process.execPath, [...COMMAND, ...train('--name', 'told-to-nobody', '--json')], {
      ...{ cwd, encoding: 'utf8', stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] },
    });
    expect([shell.status, shell.stderr]).toEqual([EXIT.failure, expect.stringContaining('a full disk')]);
    await expectSameRun('told-to-nobody');
  });

  it('goes on with carried states, accumulated gradients and Muon', async () => {
    const sizes = '--model retnet --hidden-size 16 --num-attention-heads 2 --num-hidden-layers 2 --block-size 8 --batch-size 2';
    const ways = '--carry-state --gradient-accumulation-steps 2 --optimizer muon --recompute --lr-scheduler constant --eval-interval 0';
    const argv = ['train', '--data', 'text.txt', ...`${sizes} ${ways} --eval-iters 1 --cache-dir cache`.split(' ')];
    expect(await run([...argv, '--max-steps', '6', '--warmup-ratio', '0', '--name', 'six'], { cwd })).toMatchObject({ code: EXIT.fine });
    expect(await run([...argv, '--max-steps', '4', '--warmup-ratio', '0', '--name', 'four'], { cwd })).toMatchObject({ code: EXIT.fine });
    const longer = ['train', '--name', 'four', '--init-from', 'resume', '--max-steps', '6'];
    expect(await run(longer, { cwd })).toMatchObject({ code: EXIT.fine });
    const [six, four] = [await stateOf('six'), await stateOf('four')];
    expect(four.weights).toEqual(six.weights);
    expect(four.optimizer).toEqual(six.optimizer);
    expect(four.notes.counters).toEqual(six.notes.counters);
    expect(four.notes.counters.carried).toHaveLength(2);
  });

  it('gives a Mamba dense connections that change nothing at first', async () => {
    const sizes = '--hidden-size 8 --num-hidden-layers 2 --state-size 4 --block-size 12 --batch-size 2 --eval-iters 3 --cache-dir cache';
    const argv = ['train', '--data', 'text.txt', '--max-steps', '1', '--eval-interval', '1'];
    expect(await run([...argv, ...sizes.split(' '), '--model', 'mamba', '--name', 'plain'], { cwd })).toMatchObject({ code: EXIT.fine });
    const dense = ['--model', 'dense-mamba', '--init-from', 'out/plain/checkpoint', '--name', 'upcycled', ...sizes.split(' ').slice(6)];
    expect(await run([...argv, ...dense], { cwd })).toMatchObject({ code: EXIT.fine });
    const evaluations = async (name: string) =>
      ((await recordsOf(name)) as { type: string; loss: number }[]).filter(({ type }) => type === 'evaluation');
    expect((await evaluations('upcycled'))[0]?.loss).toBe((await evaluations('plain')).at(-1)?.loss);
    const config = JSON.parse(await readFile(join(cwd, 'out', 'upcycled', 'checkpoint', 'config.json'), 'utf8'));
    expect(config).toMatchObject({ model_type: 'dense_mamba', dense_block_layers: 2 });
  });

  it('starts from the weights of another run', async () => {
    const argv = ['train', '--data', 'text.txt', '--init-from', 'out/whole/checkpoint', '--name', 'tuned', '--max-steps', '1'];
    const sizes = ['--block-size', '12', '--batch-size', '2', '--eval-iters', '3', '--cache-dir', 'cache'];
    const { code, stderr } = await run([...argv, ...sizes, '--overwrite'], { cwd });
    expect([code, stderr]).toEqual([EXIT.fine, expect.stringContaining('step 0')]);
    const [tuned] = (await recordsOf('tuned')) as { loss: number }[];
    const whole = (await recordsOf('whole')) as { type: string; loss: number }[];
    expect(tuned?.loss).toBeCloseTo(whole.filter(({ type }) => type === 'evaluation').at(-1)?.loss ?? 0, 6);
  });
});

describe('densessm train refuses', () => {
  it.each([
    [['--name', 'whole'], EXIT.usage, 'holds a run already'],
    [['--name', 'none', '--init-from', 'resume'], EXIT.usage, 'There is no run to go on with'],
    [['--name', 'whole', '--init-from', 'resume', '--seed', '2'], EXIT.usage, '--seed cannot change'],
    [['--name', 'x', '--precision', 'bf16'], EXIT.usage, "option '--precision <f32|f16>' argument 'bf16' is invalid"],
    [['--name', 'x', '--device', 'gpu'], EXIT.usage, "option '--device <name>' argument 'gpu' is invalid"],
    [['--name', 'x', '--config-json', '{"sate_size": 4}'], EXIT.failure, '`sate_size`'],
    [['--name', 'x', '--batch-size', '10000000', '--block-size', '100'], EXIT.failure, 'does not fit into memory'],
    [['--name', 'x', '--hidden-size', '16384'], EXIT.failure, 'make the model smaller'],
    [['--out-dir', 'text.txt'], EXIT.failure, 'cannot hold a run'],
  ])('%j', async (argv, code, told) => {
    const result = await run(train(...argv), { cwd });
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(told)]);
    expect(result.stdout).toBe('');
  });

  it('to delete what is not a run', async () => {
    await mkdir(join(cwd, 'out', 'mine', 'checkpoint'), { recursive: true });
    const result = await run(train('--name', 'mine'), { cwd });
    expect([result.code, result.stderr]).toEqual([EXIT.usage, expect.stringContaining('holds something else')]);
  });

  it('to go on with other text, and a sample that cannot begin', async () => {
    const [text, sizes] = [join(cwd, 'changing.txt'), [...SIZES, '--cache-dir', 'cache', '--max-steps', '2']];
    const begin = ['train', '--data', 'changing.txt', ...sizes, '--name', 'changing'];
    const goOn = ['train', '--out-dir', 'out/changing', '--init-from', 'resume', '--max-steps', '4'];
    const words = 'the cat sat on a mat and saw it. '.repeat(60);
    await writeFile(text, words);
    expect(await run([...begin, '--sample-prompt', 'CAT'], { cwd })).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('--sample-prompt cannot be read'),
    });
    expect(await run(begin, { cwd })).toMatchObject({ code: EXIT.fine });
    const refused = { code: EXIT.usage, stderr: expect.stringContaining('The data is no longer what the run began with') };
    for (const other of [words.toUpperCase(), words.slice(40), `${words}!`]) {
      await writeFile(text, other);
      expect(await run(goOn, { cwd })).toMatchObject(refused);
    }
    await writeFile(text, words);
    expect(await run(goOn, { cwd })).toMatchObject({ code: EXIT.fine });
  });
});

it('densessm runs lists what was trained', async () => {
  const { stdout } = await run(['runs', '--json'], { cwd });
  const whole = JSON.parse(stdout).find(({ name }: { name: string }) => name === 'whole');
  expect(whole).toMatchObject({ model: 'dense-mamba', step: 12, maxSteps: 12, state: 'finished', best: { step: expect.any(Number) } });
  expect((await run(['runs'], { cwd })).stdout).toMatch(/^out\/whole +dense-mamba +\d+ +12\/12 +\d\.\d{4} +20.* finished$/m);
});
