// Runs every JavaScript block of a Markdown file as it stands, in order: `node examples.mjs FILE.md`. What a line
// `console.log(…); // this` prints must be what its comment says; there … stands for anything, and a remark follows a colon.
// A block that begins with a comment such as `// my-model.test.js` is that file, and vitest runs it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { format } from 'node:util';

const [file] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const blocks = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
const fences = [...text.matchAll(/^ *(```|~~~) *(js|jsx|mjs|ts|tsx|javascript|typescript)\b/gim)];
assert.equal(blocks.length, fences.length, `${file}: every example is a block that begins with \`\`\`js, so that it runs`);
assert.ok(blocks.length > 0 || !file.endsWith('README.md'), `${file} has no example`);

const literal = (part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
globalThis.printedAs = (comment, ...values) => {
  const printed = format(...values).trim();
  const isSaid = (said) => new RegExp(`^${said.split('…').map(literal).join('[^]*')}$`).test(printed);
  const remark = comment.lastIndexOf(': ');
  const asSaid = isSaid(comment) || (remark > 0 && isSaid(comment.slice(0, remark)));
  assert.ok(asSaid, `${file}: a line prints\n  ${printed}\nand its comment says\n  ${comment}`);
};

await cp('models/whole', 'my-model', { recursive: true }); // the folder that examples speak of
let checked = 0;
for (const [i, code] of blocks.entries()) {
  const [, testFile] = /^\/\/ (\S+\.test\.js)\n/.exec(code) ?? [];
  if (testFile !== undefined) {
    writeFileSync(new URL(testFile, import.meta.url), code);
    execFileSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', testFile], { stdio: ['ignore', 'ignore', 'inherit'] });
    continue;
  }
  const watched = code.replace(/^( *)console\.log\((.*)\); *\/\/ (.+)$/gm, (_, indent, values, comment) => {
    checked++;
    return `${indent}printedAs(${JSON.stringify(comment)}, ${values});`;
  });
  const name = `example-${i + 1}.mjs`;
  writeFileSync(new URL(name, import.meta.url), watched);
  await import(`./${name}`);
}
console.log(`${blocks.length} examples, of which ${checked} lines print what they say`);
