import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mamba } from '@densessm/mamba';
import { savePretrained } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { root } from '../scripts/lib/command.mjs';

/** The folder of a small model with a tokenizer, for programs that ask for one; `remove` ends it. */
export async function modelFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'densessm-examples-'));
  const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 257, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  const params = mamba.init(config, 3);
  await savePretrained(folder, { model: mamba, config, params });
  disposeTree(params);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(byteTokenizer().toJSON()));
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** What `examples/NAME/main.js` prints on the packages' sources, as `npm run program` runs it. */
export async function printed(name: string, ...args: readonly string[]): Promise<string> {
  const program = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source', join(root, 'examples', name, 'main.js')];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
  return (await promisify(execFile)(process.execPath, [...program, ...args], { cwd: root, env })).stdout;
}
