/**
 * npm run fixtures -- DIR [--device NAME]: compares everything with the reference results in DIR (one fixture folder or a
 * folder of them) and prints one line per folder and quantity. Exits 1 where a quantity is out of its bound, 2 on wrong usage.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { checkFixture, fixtureFolders, readFixture } from '@densessm/conformance';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { DEVICES, startBackend } from '@densessm/runtime-node';
import { registerModel, SsmError } from '@densessm/ssm-core';

const USAGE = `usage: npm run fixtures -- DIR [--device ${DEVICES.join('|')}]`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { device: { type: 'string', default: 'wasm' } } });
  const [folder] = positionals;
  if (!folder || !existsSync(folder)) return usage(folder ? `there is no folder ${folder}` : 'no folder given');
  const device = DEVICES.find((one) => one === values.device);
  if (device === undefined) return usage(`unknown device ${values.device}`);
  const folders = fixtureFolders(folder);
  if (folders.length === 0) return usage(`no folder in ${folder} holds an expected.json`);
  for (const model of [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet]) registerModel(model);
  const { backend, reason } = await startBackend({ device });
  console.log(`backend ${backend}: ${reason}`);
  let [passed, failed, skipped] = [0, 0, 0];
  for (const path of folders) {
    const checks = checkFixture(readFixture(path));
    if (!checks) {
      console.log(`${basename(path).padEnd(24)} nothing here that these packages compute`);
      skipped++;
      continue;
    }
    for await (const { name, error, bound } of checks) {
      const pass = error <= bound;
      if (pass) passed++;
      else failed++;
      console.log(
        `${basename(path).padEnd(24)} ${name.padEnd(72)} error ${error.toExponential(1)}  bound ${bound.toExponential(1)}  ${pass ? 'pass' : 'FAIL'}`,
      );
    }
  }
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
  return failed > 0 ? 1 : 0;
}

function usage(problem: string): number {
  console.error(`fixtures: ${problem}\n${USAGE}`);
  return 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof SsmError ? String(error) : error);
  process.exitCode = 1;
}
