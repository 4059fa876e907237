// The README's first example, as it stands but for the folder, on a model that Python saved in three ways, must print what
// Python generates: `node five-lines.mjs README.md`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format } from 'node:util';

const [file] = process.argv.slice(2);
const code = /```js\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
const lines = code.split('\n').filter((line) => line !== '' && !line.startsWith('import '));
assert.equal(lines.length, 5, 'lines besides the imports');
const reference = JSON.parse(readFileSync('models/text.json', 'utf8'));
assert.ok(code.includes(`'${reference.prompt}', { maxTokens: ${reference.maxTokens} }`), 'the README asks what Python was asked');

const folders = readdirSync('models').filter((name) => !name.includes('.'));
for (const folder of folders) {
  const printed = [];
  globalThis.print = (...values) => printed.push(format(...values));
  const program = code.replace("'./my-model'", `'./models/${folder}'`).replace('console.log(', 'print(');
  assert.notEqual(program, code);
  writeFileSync(`five-lines-${folder}.mjs`, program);
  await import(`./five-lines-${folder}.mjs`);
  assert.deepEqual(printed, [reference.text], folder);
}
console.log(`five lines give Python's text from ${folders.join(', ')}`);
