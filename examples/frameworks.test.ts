import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mamba } from '@densessm/mamba';
import { savePretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../scripts/lib/command.mjs';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-examples-'));
  await startBackend({ device: 'wasm', threads: 1 });
  const json = { model_type: 'mamba', vocab_size: 257, hidden_size: 16, num_hidden_layers: 2, state_size: 4 };
  const config = mamba.parseConfig(json);
  const params = mamba.init(config, 3);
  await savePretrained(folder, { model: mamba, config, params });
  disposeTree(params);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(byteTokenizer().toJSON()));
});
afterAll(() => rm(folder, { recursive: true }));

const known = (line = ''): number => Number(/\((\d+) of \d+ tokens known\)/.exec(line)?.[1]);

/** What a program prints on the packages' sources, as `npm run program` runs it. */
async function printed(name: string): Promise<string> {
  const program = [
    '--import',
    import.meta.resolve('tsx'),
    '--conditions=@densessm/source',
    join(root, 'examples', name, 'main.js'),
    folder,
  ];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
  return (await promisify(execFile)(process.execPath, program, { cwd: root, env })).stdout;
}

it('The chat server answers two clients, and goes on from their states', async () => {
  const lines = (await printed('chat-server')).split('\n').filter((line) => line.startsWith('Anna: '));
  expect(lines).toHaveLength(2);
  expect(known(lines[0])).toBe(0);
  expect(known(lines[1])).toBeGreaterThan(0);
});

it('The AI SDK streams a conversation, which is not read again', async () => {
  const text = await printed('ai-sdk');
  const [first, second] = text.split('And then? -> ');
  expect([known(first), known(second) > 0]).toEqual([0, true]);
});

it('LangChain runs a chain of two models', async () => {
  expect(await printed('langchain')).toMatch(/.\nand 2 more\n$/s);
});
