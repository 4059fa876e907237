import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import { parseConfigText } from '../config-text';
import { type FileSet, pathIn, readText } from './file-set';

/** In this order, as transformers: a generation_config.json decides, and where there is none, config.json. */
const FILES = ['generation_config.json', 'config.json'];

/**
 * The tokens that end a text: `eos_token_id`, a number or a list, of generation_config.json, else of config.json. Empty where neither names one.
 * @throws SsmError FILE where a file is no JSON, CONFIG where the ids are none
 */
export async function eosTokenIds(files: FileSet): Promise<number[]> {
  for (const name of FILES) {
    const text = await readText(files, name);
    const json = text === undefined ? undefined : parseConfigText(text, pathIn(files, name));
    const given = isObject(json) ? json.eos_token_id : undefined;
    const ids = [given ?? []].flat();
    if (!ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0)) throw badIds(pathIn(files, name), given);
    if (ids.length > 0) return ids as number[];
  }
  return [];
}

const badIds = (where: string, given: unknown): SsmError =>
  new SsmError({
    code: 'CONFIG',
    what: `${where}: \`eos_token_id\` cannot be used.`,
    expected: 'the id of a token, or a list of ids',
    got: JSON.stringify(given).slice(0, 100),
    fix: 'correct the value there, or remove it',
  });
