import { createHash } from 'node:crypto';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { expect, it } from 'vitest';
import { hexOf, sha256 } from './sha-256';

it('is SHA-256 at every length around the blocks', () => {
  const random = mulberry32(1);
  const bytes = Uint8Array.from({ length: 1000 }, () => 256 * random());
  for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000]) {
    const some = bytes.subarray(1000 - length);
    expect(hexOf(sha256(some)), `${length} bytes`).toBe(createHash('sha256').update(some).digest('hex'));
  }
});
