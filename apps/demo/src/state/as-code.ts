/** What a room does, as code and as a command. */
import type { TextOptions } from 'densessm';
import type { Choice } from './engine.svelte';

function sourceOf(choice: Choice): string {
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

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function asCommand(choice: Choice, prompt: string, options: TextOptions): string {
  const flags = plain(options).map(
    ([name, value]) =>
      `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${typeof value === 'number' ? value : quoted(String(value))}`,
  );
  return ['densessm generate', quoted(sourceOf(choice)), quoted(prompt), ...flags].join(' ');
}
