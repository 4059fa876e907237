/** How the size flags reach a model of one's own. */
import type { ConfigJson } from '@densessm/ssm-core';
import { usageError } from '../errors';
import { kebab, type Settings, wasGiven } from '../settings/table';
import { type CommandModel, type ModelSizes, nameOf } from './command-model';

type Flag = Exclude<keyof ModelSizes, 'vocabSize'>;

/** The flags and what Hugging Face calls them in config.json. */
const KEYS: Readonly<Record<Flag, string>> = {
  hiddenSize: 'hidden_size',
  numHiddenLayers: 'num_hidden_layers',
  numAttentionHeads: 'num_attention_heads',
  stateSize: 'state_size',
  denseLayers: 'dense_block_layers',
};
const FLAGS = Object.keys(KEYS) as Flag[];

export interface PluginConfig {
  readonly json: Record<string, unknown>;
  /** The sizes that the model's `configFor` read; undefined where it has none. */
  readonly read: ReadonlySet<string> | undefined;
}

/**
 * config.json of a fresh model: what its `configFor` makes of the sizes, else the keys of Hugging Face.
 * @throws SsmError OPTION where `configFor` returns no object
 */
export function pluginConfig(model: CommandModel, settings: Settings, vocabSize: number): PluginConfig {
  const { hiddenSize, numHiddenLayers, numAttentionHeads, stateSize, denseLayers } = settings;
  const sizes: ModelSizes = { vocabSize, hiddenSize, numHiddenLayers, numAttentionHeads, stateSize, denseLayers };
  const type = { model_type: model.modelType };
  if (model.configFor === undefined) {
    const always: readonly Flag[] = ['hiddenSize', 'numHiddenLayers'];
    const said = FLAGS.filter((flag) => always.includes(flag) || wasGiven(settings, flag));
    return {
      json: { ...type, vocab_size: vocabSize, ...Object.fromEntries(said.map((flag) => [KEYS[flag], sizes[flag]])) },
      read: undefined,
    };
  }
  const read = new Set<string>();
  const watched = new Proxy(sizes, {
    get: (target, key) => {
      read.add(String(key));
      return Reflect.get(target, key);
    },
  });
  const made: unknown = model.configFor(watched);
  if (typeof made === 'object' && made !== null && !Array.isArray(made)) return { json: { ...type, ...made }, read };
  throw usageError(
    `configFor of the model ${nameOf(model)} returns no config.`,
    'an object with the keys of its config.json',
    JSON.stringify(made) ?? 'undefined',
    'correct the plugin',
  );
}

/**
 * A size that the model does not have must not be lost without a word.
 * @param written config.json as the model writes it
 * @throws SsmError OPTION for a flag that was given and changes nothing
 */
export function refuseUnusedFlags(model: CommandModel, settings: Settings, { read }: PluginConfig, written: ConfigJson): void {
  const isUsed = (flag: Flag): boolean => (read === undefined ? KEYS[flag] in written : read.has(flag));
  const idle = FLAGS.find((flag) => wasGiven(settings, flag) && !isUsed(flag));
  if (idle === undefined) return;
  throw usageError(
    `--${kebab(idle)} has no meaning for the model ${nameOf(model)}.`,
    FLAGS.filter(isUsed)
      .map((flag) => `--${kebab(flag)}`)
      .join(', ') || 'none of the size flags',
    String(settings[idle]),
    `leave it out; --config-json sets the model's own keys: ${Object.keys(written).join(', ')}`,
  );
}
