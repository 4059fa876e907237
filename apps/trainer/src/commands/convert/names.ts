import type { Mamba2Config, MambaConfig } from '@densessm/mamba';
import { type AnyModel, SsmError } from '@densessm/ssm-core';
import { NAMES, type Names } from './formats';

type EitherMamba = MambaConfig | Mamba2Config;
const isMamba = (config: object): config is EitherMamba => 'layout' in config && 'family' in config;

/**
 * The same model with the names of another implementation: `hf` are those of transformers, `original` those of state-spaces/mamba. The
 * tree of params stays what it is, since only names on disk differ.
 * @throws SsmError OPTION for a model of one naming only, or one that the other implementation cannot express
 */
export function withNames(model: AnyModel, config: object, names: Names): object {
  const layout = NAMES[names];
  if (!isMamba(config)) {
    const got = `${model.modelType}, which has one naming only`;
    throw refusal('this model has no other names.', 'a Mamba or Mamba-2', got, 'leave --names out');
  }
  if (config.layout === layout) return config;
  checkExpressible(config, names);
  const vocabulary = { unpaddedVocabSize: config.vocabSize, padVocabSizeMultiple: 1 };
  const renamed = Object.freeze({ ...config, ...vocabulary, ...STARTS_OF_HF, layout, rest: restOf(config, names) });
  // what the other format leaves to its own defaults must be what this model has
  const again = model.parseConfig(model.configToJson(renamed)) as EitherMamba;
  const text = (one: EitherMamba, key: string): string => JSON.stringify(one[key as keyof EitherMamba]);
  const lost = Object.keys(renamed).find((key) => !WITHOUT_EFFECT.has(key) && text(again, key) !== text(renamed, key));
  if (lost === undefined) return again;
  throw refusal(`the ${names} format cannot say \`${lost}\`.`, text(again, lost), text(renamed, lost), 'keep the names it has');
}

/** transformers 5.18 scales some loaded weights again where its config asks for scaled starts. The original ignores both. */
const STARTS_OF_HF = { initializerRange: 0.1, rescalePrenormResidual: false };

/** Keys that shape starting values, chunks or the file only: formats may differ in them without changing a trained model. */
const WITHOUT_EFFECT = new Set(['rest', 'initializerRange', 'rescalePrenormResidual', 'aInitRange', 'chunkSize']);

/** Loaders other than transformers' own ask for the class. */
const restOf = ({ family, dense }: EitherMamba, names: Names): Record<string, unknown> =>
  names === 'hf' && !dense ? { architectures: [family === 'mamba' ? 'MambaForCausalLM' : 'Mamba2ForCausalLM'] } : {};

/** Choices by which the two implementations compute different things. */
function checkExpressible(config: EitherMamba, names: Names): void {
  if (config.family !== 'mamba2') return;
  if (config.nGroups > 1)
    throw refusal(
      'the two implementations norm groups differently.',
      'one group',
      `${config.nGroups} groups`,
      'keep the names it has: under the others it would compute something else',
    );
  if (names === 'hf' && config.normBeforeGate)
    throw refusal('transformers has no norm before the gate.', 'norm_before_gate false', 'true', 'keep the names it has');
}

const refusal = (what: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'OPTION', what: `convert --names: ${what}`, expected, got, fix });
