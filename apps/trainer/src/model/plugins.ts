/** Models of one's own: modules that `--plugin` names. Imports no TensorFlow.js; a plugin does. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../errors';
import { MODELS } from '../settings/table';
import { type CommandModel, nameOf } from './command-model';

/** What a {@link CommandModel} must have. */
const FUNCTIONS = ['recognizes', 'parseConfig', 'configToJson', 'spec', 'init', 'forward', 'hiddenStates', 'initialState', 'advance'];
const FIX = 'export default the model, or a list of models, as README.md of @densessm/trainer shows';
/** `model_type` of the released DenseRetNet, whose config.json names Llama. */
const TAKEN = [...MODELS, 'llama'];

/**
 * Adds models to those that are known; one that is there already is left alone.
 * @param where brings them: the plugin, or the program that calls `main`
 * @throws SsmError OPTION for what is no model, or has the name of another
 */
export function addModels(known: CommandModel[], more: readonly unknown[], where: string): void {
  for (const one of more) {
    const model = requireModel(one, where);
    if (known.includes(model)) continue;
    const name = nameOf(model);
    if (TAKEN.includes(name) || known.some((other) => nameOf(other) === name))
      throw usageError(
        `${where}: the model's name is taken.`,
        'a modelType of its own',
        model.modelType,
        'give the model another modelType',
      );
    known.push(model);
  }
}

/**
 * The models of a module: what it exports by default.
 * @param plugin a path, relative to `cwd`, or the name of an installed package
 * @throws SsmError FILE where it cannot be imported, OPTION where it exports no model
 */
export async function importPlugin(plugin: string, cwd: string): Promise<readonly unknown[]> {
  const url = locate(plugin, cwd);
  let module: { readonly default?: unknown };
  try {
    module = await import(/* @vite-ignore */ url);
  } catch (error) {
    throw cannotImport(plugin, error);
  }
  const { default: exported } = module;
  const models = Array.isArray(exported) ? exported : exported === undefined ? [] : [exported];
  if (models.length > 0) return models;
  throw usageError(`--plugin ${plugin}: there is no model in it.`, 'a default export', Object.keys(module).join(', ') || 'no exports', FIX);
}

/** The URL of a plugin. @throws SsmError FILE where there is none */
function locate(plugin: string, cwd: string): string {
  if (plugin.startsWith('file:')) return plugin;
  const path = resolve(cwd, plugin);
  if (existsSync(path)) return pathToFileURL(path).href;
  const isPackage = !/^[./\\]/.test(plugin);
  try {
    if (isPackage) return pathToFileURL(createRequire(join(cwd, 'plugin.js')).resolve(plugin)).href;
  } catch {
    // told below
  }
  const expected = 'the path of a JavaScript module, or the name of an installed package';
  throw new SsmError({
    code: 'FILE',
    what: `--plugin ${plugin}: there is no such module.`,
    expected,
    got: `nothing at ${path}`,
    fix: 'check the path',
  });
}

function cannotImport(plugin: string, error: unknown): SsmError {
  const got = error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : String(error);
  const fix = /\.[cm]?tsx?$/.test(plugin)
    ? 'compile it to JavaScript first'
    : /Cannot find (package|module)/.test(got)
      ? 'install what it imports beside it: npm install @densessm/ssm-core @densessm/kernels @tensorflow/tfjs-core'
      : 'correct the module; node FILE imports it by itself';
  const options = error instanceof Error ? { cause: error } : undefined;
  return new SsmError(
    { code: 'FILE', what: `--plugin ${plugin} cannot be imported.`, expected: 'an ECMAScript module that runs in this Node', got, fix },
    options,
  );
}

/** @throws SsmError OPTION naming what is missing */
function requireModel(one: unknown, where: string): CommandModel {
  if (!isObject(one)) throw usageError(`${where}: what it exports is no model.`, 'a SequenceModel of @densessm/ssm-core', typeof one, FIX);
  const model = one as Record<string, unknown>;
  const { modelType, configFor } = model;
  const missing = FUNCTIONS.filter((name) => typeof model[name] !== 'function');
  if (typeof modelType !== 'string' || !/^[A-Za-z][\w-]*$/.test(modelType)) missing.unshift('modelType');
  if (configFor !== undefined && typeof configFor !== 'function') missing.push('configFor');
  if (missing.length === 0) return one as unknown as CommandModel;
  const expected = `modelType, a word, and the functions ${FUNCTIONS.join(', ')}; configFor, if it is there, is one too`;
  const got = missing.map((name) => `${name}: ${JSON.stringify(model[name]) ?? typeof model[name]}`).join(', ');
  throw usageError(`${where}: the model does not fulfill its contract.`, expected, got, FIX);
}
