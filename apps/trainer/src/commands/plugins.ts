import { type Command, Option } from 'commander';
import { usageError } from '../errors';
import type { Io } from '../io';
import { type CommandModel, nameOf } from '../model/command-model';
import { addModels, importPlugin } from '../model/plugins';

/** Commands that open no model. */
const WITHOUT = new Set(['completion']);

/** Adds `--plugin` to every command that may meet a model, and loads what it names before the command runs. */
export function addPluginFlags(program: Command, io: Io): void {
  for (const command of program.commands) {
    if (WITHOUT.has(command.name()) || command.options.some(({ long }) => long === '--plugin')) continue;
    const option = new Option('--plugin <module>', 'a JavaScript module with a model of your own; may be repeated').argParser(
      (word: string, before: readonly string[] = []) => [...before, word],
    );
    command.addOption(command.options.some(({ helpGroupHeading }) => helpGroupHeading === 'Model:') ? option.helpGroup('Model:') : option);
  }
  program.hook('preAction', async (_, command) => {
    const { plugin = [] } = command.opts<{ plugin?: readonly string[] }>();
    await loadPlugins(plugin, io);
  });
}

/** @returns the models that they bring. @throws SsmError FILE, OPTION */
export async function loadPlugins(plugins: readonly string[], { cwd, models = [] }: Pick<Io, 'cwd' | 'models'>): Promise<CommandModel[]> {
  const brought: CommandModel[] = [];
  for (const plugin of plugins) {
    const exported = await importPlugin(plugin, cwd);
    addModels(models, exported, `--plugin ${plugin}`);
    brought.push(...models.filter((one) => exported.includes(one)));
  }
  return brought;
}

/**
 * The name of the model that plugins stand for where nobody named one.
 * @throws SsmError OPTION where they bring several
 */
export function onlyModel(brought: readonly CommandModel[]): string | undefined {
  const names = [...new Set(brought.map(nameOf))];
  if (names.length <= 1) return names[0];
  throw usageError('--plugin brings several models.', 'one of them', names.join(', '), 'say which with --model');
}
