/** What a room does, as code and as a command. */
import type { TextOptions } from 'densessm';
import type { TrainOptions } from 'densessm/web';
import type { Choice } from './engine.svelte';

export function sourceOf(choice: Choice): string {
  if (choice.kind === 'hub') return choice.id;
  if (choice.kind === 'shipped') return new URL(`./models/${choice.twin}`, location.href.split('#')[0]).href;
  return './my-model';
}

const plain = (options: TextOptions): [string, unknown][] =>
  Object.entries(options).filter(([name, value]) => value !== undefined && name !== 'signal');

export function asCode(choice: Choice, prompt: string, options: TextOptions): string {
  return [
    "import { loadModel } from 'densessm';",
    '',
    `const model = await loadModel(${JSON.stringify(sourceOf(choice))});`,
    `for await (const part of model.stream(${JSON.stringify(prompt)}, ${JSON.stringify(Object.fromEntries(plain(options)))}))`,
    '  process.stdout.write(part);',
    '',
  ].join('\n');
}

export function lookingAsCode(choice: Choice, text: string): string {
  return [
    "import { inspect } from '@densessm/inspect';",
    "import { loadModel } from 'densessm';",
    '',
    `const model = await loadModel(${JSON.stringify(sourceOf(choice))});`,
    `const tokens = model.tokenizer.encode(${JSON.stringify(text)});`,
    'const open = await inspect(model, tokens);',
    'const closed = await inspect(model, tokens, { closeGates: true });',
    '',
  ].join('\n');
}

/** A state that was downloaded, in Node. */
export function restoringAsCode(choice: Choice, file: string): string {
  return [
    "import { readFile } from 'node:fs/promises';",
    "import { loadModel } from 'densessm';",
    '',
    `const model = await loadModel(${JSON.stringify(sourceOf(choice))});`,
    `const session = await model.restoreSession(await readFile(${JSON.stringify(file)}));`,
    'console.log((await session.generate({ maxTokens: 64 })).text);',
    '',
  ].join('\n');
}

/** A run in a page of one's own. */
export function trainingAsCode({ text, ...options }: TrainOptions): string {
  const what = text.kind === 'stories' ? "{ kind: 'stories' }" : "{ kind: 'text', text: await (await fetch('./my-text.txt')).text() }";
  const lines = Object.entries(options).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return [
    "import { createWorkerClient } from 'densessm/web';",
    '',
    'const client = createWorkerClient();',
    `const run = await client.train({\n  text: ${what},`,
    ...lines,
    '});',
    'run.listen((event) => console.log(event));',
    '',
  ].join('\n');
}

export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function asCommand(choice: Choice, prompt: string, options: TextOptions): string {
  const flags = plain(options).map(
    ([name, value]) =>
      `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${typeof value === 'number' ? value : quoted(String(value))}`,
  );
  return ['densessm generate', quoted(sourceOf(choice)), quoted(prompt), ...flags].join(' ');
}
