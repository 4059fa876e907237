/** Sends odd requests to a server of a tiny model: npm run program -- scripts/fuzz-server.ts [rounds] [seed]. The suite does the same with few rounds. */
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { createHandler } from '../packages/server/src/index';
import { fuzz } from '../packages/server/src/test-support/fuzz';
import { get, tinyModel } from '../packages/server/src/test-support/tiny-model';

const [rounds = '10000', seed = '1'] = process.argv.slice(2);
await startBackend({ device: 'wasm', threads: 1 });
const handler = createHandler(tinyModel(mamba), { maxTokens: 3, maxTexts: 8 });
await get(handler, '/health');
const statuses = await fuzz(handler, Number(rounds), Number(seed));
await handler.close();
console.log(`${rounds} odd requests were answered: ${[...statuses].map(([status, count]) => `${count} times ${status}`).join(', ')}`);
