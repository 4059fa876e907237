import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { createHandler } from '../../../packages/server/src/index';
import { fuzz } from '../../../packages/server/src/test-support/fuzz';
import { get, tinyModel } from '../../../packages/server/src/test-support/tiny-model';

/** Sends odd requests, several at a time, to a server of a tiny model; returns a line that tells how they were answered. */
export async function fuzzServer(rounds: number, seed: number): Promise<string> {
  await startBackend({ device: 'wasm', threads: 1 });
  const handler = createHandler(tinyModel(mamba), { maxTokens: 3, maxTexts: 8 });
  await get(handler, '/health');
  const statuses = await fuzz(handler, rounds, seed);
  await handler.close();
  return [...statuses].map(([status, count]) => `${count} times ${status}`).join(', ');
}
