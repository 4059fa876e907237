import { expect, it } from 'vitest';
import { StatusBlock } from './status-block';

/** What a terminal shows of some writing: enough of VT100 for a block of lines. */
function screenOf(writing: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [part, up] of writing.replaceAll('\x1b', '␛').matchAll(/␛\[(\d+)A|␛\[[KJ]|\r|\n|[^␛\r\n]+/g)) {
    if (up !== undefined) row -= Number(up);
    else if (part === '\n') lines[++row] ??= '';
    else if (part === '␛[J') lines.length = row + 1;
    else if (part !== '\r' && part !== '␛[K') lines[row] = part; // every line is written whole, from its start
    if (part === '␛[J' && writing.endsWith('\r\x1b[J')) lines[row] = '';
  }
  return lines;
}

it('writes its lines over in place, as many as there are, with lines that stay above them', () => {
  let written = '';
  const block = new StatusBlock({ columns: 6, write: (text) => (written += text) });
  block.show(['one', 'two is long', 'three']);
  expect(screenOf(written)).toEqual(['one', 'two i', 'three']);
  block.print('stays');
  expect(screenOf(written)).toEqual(['stays', 'one', 'two i', 'three']);
  block.show(['1', '2']);
  expect(screenOf(written)).toEqual(['stays', '1', '2']);
  block.print('too');
  block.show(['1', '3', '4']);
  expect(screenOf(written)).toEqual(['stays', 'too', '1', '3', '4']);
});
