import { join } from 'node:path';
import { engine, setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { fixturesDir } from './fixtures-dir';
import { readFixture } from './folder';
import { checkOps } from './ops';

describe.each(['cpu', 'wasm'])('operators on %s', (backend) => {
  it.each(['ops_basic', 'ops_retention', 'ops_selective_scan', 'ops_ssd'])('%s agrees with the reference in every case', async (folder) => {
    await setBackend(backend);
    const before = engine().memory().numTensors;
    const failures: string[] = [];
    for await (const { name, error, bound } of checkOps(readFixture(join(fixturesDir(), folder))))
      if (!(error <= bound)) failures.push(`${name}: ${error} above ${bound}`);
    expect(failures).toEqual([]);
    expect(engine().memory().numTensors, 'tensors left behind').toBe(before);
  });
});
