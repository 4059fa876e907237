import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { tooLong } from './estimate';

const refused = (got: string): SsmError =>
  new SsmError({ code: 'BACKEND', what: 'webgpu: SsmSelectiveScan failed.', expected: '', got, fix: '' });

describe('a sequence that is too long for a GPU', () => {
  it('is told in the words of the flags, with a length that fits', () => {
    const got = 'Binding size (402653184) of [Buffer (unlabeled)] is larger than the maximum storage buffer binding size (134217728).';
    expect(tooLong(refused(got), { blockSize: 65_536 })).toMatchInlineSnapshot(`
      [SsmError: The sequences are too long for this GPU.
        expected  tensors of at most 134 MB, as much as a kernel of this device reads at a time
        got       one of 403 MB with --block-size 65536
        fix       --block-size 21824, with --carry-state where texts are longer; or --device wasm]
    `);
  });

  it('is no reason for other errors', () => {
    expect(tooLong(refused('Buffer is destroyed'), { blockSize: 64 })).toBeUndefined();
    expect(tooLong(new Error('no'), { blockSize: 64 })).toBeUndefined();
  });
});
