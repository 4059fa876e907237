import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import { parse } from 'yaml';
import { usageError } from '../errors';
import { readKind } from './kinds';
import { aboutMeant, meantName } from './synonyms';
import { kebab, rowOf, SETTING_NAMES, type SomeSettings } from './table';

export interface ConfigFile {
  readonly settings: SomeSettings;
  /** A file may start from a preset too. */
  readonly preset: string | undefined;
}

/**
 * Reads settings from a YAML or JSON file: `learning-rate: 3e-4`, `learning_rate` or `learningRate`.
 * @throws SsmError FILE where it cannot be read, OPTION for keys that are none and values that do not fit
 */
export async function readConfigFile(path: string, cwd: string): Promise<ConfigFile> {
  const where = resolve(cwd, path);
  const content = parseYaml(where, await readFileText(where));
  if (!isObject(content))
    throw badFile(where, 'it holds no settings.', 'lines such as `learning-rate: 3e-4`, or a JSON object', typeof content);
  const known = new Map(SETTING_NAMES.map((name) => [plain(name), name]));
  const settings: Record<string, unknown> = {};
  let preset: string | undefined;
  for (const [key, value] of Object.entries(content)) {
    const name = known.get(plain(key));
    if (plain(key) === 'preset' && typeof value === 'string') preset = value;
    else if (name === undefined) throw unknownKey(where, key);
    else if (value !== null && value !== undefined) settings[name] = readKind(rowOf(name).kind, value, `${where}: \`${key}\``);
  }
  return { settings: settings as SomeSettings, preset };
}

/** One spelling for `learning-rate`, `learning_rate` and `learningRate`. */
const plain = (key: string): string => key.replaceAll(/[-_]/g, '').toLowerCase();

function unknownKey(where: string, key: string): SsmError {
  const names: string[] = [...SETTING_NAMES.map(kebab), 'preset'];
  const meant = meantName(kebab(key), names);
  const fix = meant ? `did you mean ${meant}?${aboutMeant(key, meant)}` : 'correct its spelling; densessm train --help lists them';
  return usageError(`${where}: there is no setting \`${key}\`.`, 'the name of a flag of densessm train', key, fix);
}

async function readFileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw badFile(path, 'the config file cannot be read.', 'a YAML or JSON file', (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [first = ''] = String((error as Error).message).split('\n', 1);
    throw badFile(path, 'the config file is neither YAML nor JSON.', 'lines such as `learning-rate: 3e-4`', first);
  }
}

const badFile = (path: string, what: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'FILE', what: `${path}: ${what}`, expected, got, fix: 'correct the file, or leave --config out' });
