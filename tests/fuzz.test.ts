import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzzTarget, readOrRefused } from '../scripts/lib/fuzz/target';
import { TARGETS } from '../scripts/lib/fuzz/targets';

/** `npm run fuzz` asks for more; the server's requests have a test of their own. */
const ROUNDS = 60;

describe('what comes from outside, damaged', () => {
  it.each(Object.entries(TARGETS))('is read or refused with an error of ours: %s', async (_, target) => {
    const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
    try {
      expect((await fuzzTarget(target, folder, ROUNDS, 5)).length).toBeGreaterThan(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('is not passed over where the error is another', async () => {
    const broken = { attempts: async () => ({ it: () => readOrRefused(() => JSON.parse('{')) }) };
    await expect(fuzzTarget(broken, '', 1, 1)).rejects.toThrow('it, seed 1, round 0');
  });
});
