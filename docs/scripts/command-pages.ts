/** Pages of the command `densessm`, made from what its commands say about themselves. */
import type { EventEmitter } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { buildProgram } from '../../apps/trainer/src/main';
import { silentIo } from './silent-io';

/** Writes `index.md` and a page for each command into `folder`, in place of what was there. */
export function writeCommandPages(folder: string): string[] {
  const program = buildProgram(silentIo());
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const commands = program.commands.filter((one) => one.name() !== 'help');
  writeFileSync(join(folder, 'index.md'), indexPage(program, commands));
  for (const command of commands) writeFileSync(join(folder, `${command.name()}.md`), page(command));
  return commands.map((one) => one.name());
}

function indexPage(program: Command, commands: readonly Command[]): string {
  const rows = commands.map((one) => `| [\`${one.name()}\`](./${one.name()}.md) | ${cell(summary(one))} |`);
  return `---
title: Command line
editLink: false
---

# densessm

${prose(program.description())}

\`\`\`sh
npm install --global densessm
densessm train
\`\`\`

In the repository, \`npm run densessm --\` stands for \`densessm\`. Results go to stdout, everything else to stderr; with \`--json\` stdout has nothing but JSON.
Exit codes: 0 fine, 1 failure, 2 wrong usage, 130 interrupted.

| command | what |
|---|---|
${rows.join('\n')}

${examples(program)}
## What all commands share

- A model is a folder, the folder of a run (its best model, else its last), a Hub id such as \`state-spaces/mamba-130m-hf\`, or a URL.
- Flags with underscores work as hyphens do (\`--learning_rate=1e-3\`), and names of nanoGPT, transformers and mamba_ssm are answered with ours.
- Nothing is replaced without \`--overwrite\`, and a file has its name only when it is whole.
- \`--plugin ./my-model.js\` brings a model of your own to every command: [Write a model](../guides/write-a-model.md).
`;
}

function page(command: Command): string {
  const synopsis = `densessm ${command.name()} ${command.usage()}`.trim();
  const parameters = command.registeredArguments.map((one) => `| \`${one.name()}\` | ${cell(one.description)} |`);
  const tables = [...groups(command)].map(([title, options]) => {
    const rows = options.map((one) => `| ${code(one.flags)} | ${cell(about(one))} |`);
    return `## ${title.replace(/:$/, '')}\n\n| flag | what |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return [
    `---\ntitle: densessm ${command.name()}\neditLink: false\n---\n`,
    `# densessm ${command.name()}\n`,
    `${prose(command.description())}\n`,
    `\`\`\`sh\n${synopsis}\n\`\`\`\n`,
    parameters.length > 0 ? `| argument | what |\n|---|---|\n${parameters.join('\n')}\n` : '',
    examples(command),
    ...tables,
  ].join('\n');
}

/** The options that `--help` shows, under its headings. */
function groups(command: Command): Map<string, Option[]> {
  const found = new Map<string, Option[]>();
  for (const option of command.createHelp().visibleOptions(command)) {
    const title = option.helpGroupHeading ?? 'Options:';
    found.set(title, [...(found.get(title) ?? []), option]);
  }
  return found;
}

function about({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const choices = argChoices ? `: ${argChoices.map((one) => `\`${one}\``).join(', ')}` : '';
  const shown = defaultValueDescription ?? (defaultValue === undefined ? undefined : String(defaultValue));
  return `${description}${choices}${shown === undefined || shown === '' || shown === 'false' ? '' : ` (default: ${shown})`}`;
}

/** What `--help` says after the options: presets, examples, remarks. */
function examples(command: Command): string {
  const parts: string[] = [];
  // a Command is an EventEmitter, though its types do not say so
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write: (text: string) => parts.push(text) });
  const text = parts.join('').trim();
  if (text === '') return '';
  return text.split(/\n\n+/).map(section).join('\n');
}

/** `Title:` and rows of two columns become a table, which a small screen can show; anything else stays as it is printed. */
function section(text: string): string {
  if (!/^\s/m.test(text)) return `${prose(text)}\n`; // sentences
  const [title = '', ...lines] = text.split('\n');
  const rows = lines.map((line) => /^ {2}(?:\$ )?(\S.*?)(?: {3,}(\S.*))?$/.exec(line));
  if (!title.endsWith(':') || rows.length === 0 || rows.some((row) => row === null)) return `\`\`\`text\n${text}\n\`\`\`\n`;
  const cells = rows.map((row) => `| ${code(row?.[1] ?? '')} | ${cell(row?.[2] ?? '')} |`);
  return `## ${title.slice(0, -1)}\n\n| ${title.slice(0, -1).replace(/s$/, '').toLowerCase()} | what |\n|---|---|\n${cells.join('\n')}\n`;
}

const summary = (command: Command): string => command.summary() || command.description().split('\n')[0] || '';
const prose = (text: string): string => escaped(text).replaceAll(/\n(?!\n)/g, '\n');
const cell = (text: string): string => escaped(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string): string => `<code v-pre>${escaped(text).replaceAll('|', '&#124;')}</code>`;
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('{{', '&#123;&#123;');
