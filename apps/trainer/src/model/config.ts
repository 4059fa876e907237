import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type AnyModel, type ConfigJson, SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import type { Tokenizer } from '@densessm/tokenizer';
import { usageError } from '../errors';
import type { Io } from '../io';
import { nearest } from '../settings/nearest';
import { MODELS, type ModelName, type Settings } from '../settings/table';
import { configJson } from './config-json';
import { modelNamed } from './families';
import { pluginConfig, refuseUnusedFlags } from './plugin-config';

/** Of a tokenizer's, those that a reader of config.json looks for. */
type SpecialIds = Tokenizer['specialIds'];

/**
 * The model and config that the settings describe, at the size of a vocabulary.
 * @throws SsmError CONFIG, OPTION, FILE
 */
export async function modelOf(
  settings: Settings,
  vocabSize: number,
  ids: SpecialIds,
  io: Pick<Io, 'cwd' | 'models'>,
): Promise<{ model: AnyModel; config: object }> {
  const model = modelNamed(settings.model, io, settings.plugin);
  const own = await readConfigJson(settings.configJson, io.cwd);
  const sized = isOurs(settings.model) ? { ...configJson(settings, settings.model, vocabSize), ...specialKeys(ids) } : undefined;
  const plugin = sized === undefined ? pluginConfig(model, settings, vocabSize) : undefined;
  const json: Record<string, unknown> = { ...(sized ?? plugin?.json), ...own };
  if (json.vocab_size !== vocabSize && Number(json.vocab_size) < vocabSize)
    throw usageError(
      '--config-json: `vocab_size` is too small.',
      `at least ${vocabSize}, as the tokenizer has`,
      String(json.vocab_size),
      'leave it out',
    );
  const config = model.parseConfig(json) as { rest?: ConfigJson };
  const written = model.configToJson(config);
  if (plugin !== undefined) refuseUnusedFlags(model, settings, plugin, written);
  const rest = plugin === undefined || config.rest ? (config.rest ?? {}) : without(own, written);
  refuseIdleKeys(own, rest, Object.keys(written));
  return { model, config };
}

const isOurs = (name: string): name is ModelName => (MODELS as readonly string[]).includes(name);

const specialKeys = ({ bos, eos }: SpecialIds): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ bos_token_id: bos, eos_token_id: eos }).filter(([, id]) => id !== null));

/** Those of the keys that `written` does not have. */
const without = (own: ConfigJson, written: ConfigJson): ConfigJson =>
  Object.fromEntries(Object.entries(own).filter(([key]) => !(key in written)));

/** @throws SsmError OPTION, FILE */
async function readConfigJson(given: Settings['configJson'], cwd: string): Promise<Record<string, unknown>> {
  if (given === undefined) return {};
  if (typeof given !== 'string') return { ...given };
  const isText = given.trimStart().startsWith('{');
  const [where, text] = isText ? ['--config-json', given] : [given, await readConfigFile(resolve(cwd, given))];
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return { ...json };
  } catch {
    // told below
  }
  throw usageError(`${where} is not a JSON object.`, '{"state_size": 32} or the path of a file with such', text.slice(0, 80), 'correct it');
}

const readConfigFile = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SsmError({
      code: 'FILE',
      what: `${path}: --config-json cannot be read.`,
      expected: 'a JSON object, or the path of a file with one',
      got: error.code ?? error.message,
      fix: 'check the path',
    });
  });

/** Keys that foreign files carry along and that mean nothing to us: fine in theirs, a slip of the pen in what somebody wrote here. */
const CARRIED =
  /^(architectures|auto_map|dtype|torch_dtype|transformers_version|use_cache|.*_token_id|dropout|layernorm_eps|retnorm|.*positions|hidden_act)$/;

function refuseIdleKeys(own: Readonly<Record<string, unknown>>, rest: ConfigJson, known: readonly string[]): void {
  const idle = Object.keys(own).find((key) => key in rest && !CARRIED.test(key));
  if (idle === undefined) return;
  const meant = nearest(idle, known);
  throw usageError(
    `--config-json: this model has no \`${idle}\`.`,
    known.join(', '),
    idle,
    meant ? `did you mean ${meant}?` : 'leave it out',
  );
}
