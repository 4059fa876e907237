// Runs the first JavaScript block of a README as it stands: `node readme-example.mjs FILE.md`.
import { readFileSync, writeFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
const code = /```(?:js|ts)\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8'))?.[1];
if (code === undefined) throw new Error(`${file} has no example`);
writeFileSync(new URL('example.mjs', import.meta.url), code);
await import('./example.mjs');
