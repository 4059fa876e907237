import { describe, expect, it } from 'vitest';
import { configEvent, eventFileName, type RunRecord, recordEvent, startEvent } from '../../index';
import { eventFileHeader } from '../../internal';
import { crc32c } from './framing';

const utf8 = new TextEncoder();
const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// How a file looks to TensorBoard itself is checked in tests/python/check_tensorboard.py.
describe('an event file', () => {
  it('sums as RFC 3720, appendix B.4, says', () => {
    expect(crc32c(utf8.encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it('starts with the bytes that the library for Python writes', () => {
    // tensorboard 2.21.0: RecordWriter.write(Event(wall_time=1.5, file_version='brain.Event:2').SerializeToString())
    expect(hex(eventFileHeader(1.5))).toBe('1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c');
  });

  it('holds scalars as the library for Python writes them', () => {
    // Event(wall_time=2.25, step=300, summary=Summary(value=[Value(tag='eval/loss', simple_value=0), Value(tag='eval/perplexity', simple_value=1)]))
    const record: RunRecord = { type: 'evaluation', step: 300, wallTime: 2.25, loss: 0, tokens: 5 };
    expect(hex(recordEvent(record))).toBe(
      '3800000000000000a3797d5709000000000000024010ac022a2a0a100a096576616c2f6c6f737315000000000a160a0f6576616c2f706572706c6578697479150000803f3d9a6cae',
    );
  });

  it('voids what an older file holds', () => {
    // Event(wall_time=1.5, step=300, session_log=SessionLog(status=SessionLog.START))
    expect(hex(startEvent(1.5, 300))).toBe('100000000000000095fbfe1809000000000000f83f10ac023a020801713b788a');
  });

  it('has a name that sorts by time and suits any file system', () => {
    expect(eventFileName(1.9e9 + 0.5, 'my host/é', 12, 0)).toBe('events.out.tfevents.1900000000.my_host__.12.0');
  });

  it('shows texts as they are, and a config as a table', () => {
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const sample: RunRecord = { type: 'sample', step: 1, wallTime: 0, prompt: 'Once', text: ' upon\n# a time' };
    expect(text(recordEvent(sample))).toContain('    Once upon\n    # a time');
    expect(text(configEvent(0, { name: 'a|b', layers: 4 }))).toContain('| name | a\\|b |\n| layers | 4 |');
  });
});
