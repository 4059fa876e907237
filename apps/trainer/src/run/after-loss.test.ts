import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../io';
import { main } from '../main';
import { fakeIo, run } from '../test-support/fake-io';

const SIZES = '--model mamba --hidden-size 8 --num-hidden-layers 1 --state-size 4 --block-size 12 --batch-size 2'.split(' ');
const PACE = '--max-steps 6 --eval-interval 6 --eval-iters 1 --sample-interval 0 --save-interval 2 --cache-dir cache'.split(' ');

describe('a run whose device is lost', () => {
  let cwd: string;
  const train = (name: string): string[] => ['train', '--data', 'text.txt', ...SIZES, ...PACE, '--name', name, '--json'];
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'densessm-lost-'));
    await writeFile(join(cwd, 'text.txt'), 'the cat sat on a mat and saw it. '.repeat(60));
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  const losses = async (name: string): Promise<unknown[]> => {
    const lines = (await readFile(join(cwd, 'out', name, 'log.jsonl'), 'utf8')).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line)).map(({ type, step, loss }) => [type, step, loss]);
  };
  /** As if the device were lost after these steps, once after each: what tests/webgpu-training.test.ts sees a device do. */
  async function trainAndLose(name: string, ...steps: number[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const io = fakeIo({ cwd });
    const write = (text: string): void => {
      io.stdout.write(text);
      if (steps.length === 0 || !text.startsWith(`{"type":"step","step":${steps[0]},`)) return;
      steps.shift();
      throw new SsmError({ code: 'LOST', what: 'webgpu: the device was lost.', expected: 'a device', got: 'none', fix: 'start again' });
    };
    return { code: await main(train(name), { ...io, stdout: { ...io.stdout, write } }), ...io.written() };
  }

  it('goes on from its checkpoint bit for bit, or from the start where it has none, and says so', async () => {
    expect(await run(train('whole'), { cwd })).toMatchObject({ code: EXIT.fine });
    const want = await losses('whole');
    expect(want.length).toBeGreaterThan(6);
    const { code, stdout } = await trainAndLose('lost', 1, 5);
    expect(code).toBe(EXIT.fine);
    expect(stdout).toContain('{"type":"goOn","step":0,"message":"webgpu: the device was lost. The run goes on from step 0 on a new one."}');
    expect(stdout).toContain('{"type":"goOn","step":4,');
    expect(await losses('lost')).toEqual(want);
  });

  it('gives up where it gets no further', async () => {
    const { code, stderr } = await trainAndLose('in vain', 1, 1, 1, 1);
    expect(code).toBe(EXIT.failure);
    expect(stderr).toContain('the device was lost');
  });
});
