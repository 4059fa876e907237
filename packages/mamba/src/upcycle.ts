import { startsNeutral } from '@densessm/dense-connect/internal';
import { buildParams, initParams, namedParams, type Params, type SequenceModel, type SpecTree, SsmError } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { BackboneConfig } from './backbone-config';
import { completeConnections, type DenseChoices, keysWithoutMeaning } from './dense';
import type { MambaConfig } from './mamba/config';
import { denseMamba } from './mamba/mamba';
import { type MambaParams, mambaSpec } from './mamba/spec';
import type { MambaState } from './mamba/state';
import type { Mamba2Config } from './mamba2/config';
import { denseMamba2 } from './mamba2/mamba2';
import { type Mamba2Params, mamba2Spec } from './mamba2/spec';
import type { Mamba2State } from './mamba2/state';

export interface Upcycled<C, P, State> {
  model: SequenceModel<C, P, State>;
  config: C;
  /** Every tensor of the plain params itself, and the connections' besides. */
  params: P;
}

type UpcycledMamba = Upcycled<MambaConfig, MambaParams, MambaState>;
type UpcycledMamba2 = Upcycled<Mamba2Config, Mamba2Params, Mamba2State>;

/**
 * The dense form of a trained Mamba or Mamba-2, with the same logits: its tensors as they are, and connections that add
 * nothing yet but learn from the first step. The plain tensors are shared, not copied: dispose of one of the two params only.
 * @throws SsmError OPTION for choices that would change the logits and for a model that is dense already, CONFIG for impossible choices.
 */
export function upcycleMamba(params: MambaParams, config: MambaConfig, dense: DenseChoices, seed: number): UpcycledMamba;
export function upcycleMamba(params: Mamba2Params, config: Mamba2Config, dense: DenseChoices, seed: number): UpcycledMamba2;
export function upcycleMamba(
  params: MambaParams | Mamba2Params,
  plain: MambaConfig | Mamba2Config,
  dense: DenseChoices,
  seed: number,
): UpcycledMamba | UpcycledMamba2 {
  if (plain.family === 'mamba') {
    const config = withConnections(plain, dense);
    return { model: denseMamba, config, params: extendParams(mambaSpec(plain), params, mambaSpec(config), seed) };
  }
  const config = withConnections(plain, dense);
  return { model: denseMamba2, config, params: extendParams(mamba2Spec(plain), params, mamba2Spec(config), seed) };
}

function withConnections<C extends BackboneConfig>(plain: C, choices: DenseChoices): C {
  const dense = completeConnections('upcycleMamba', choices, plain.hiddenSize);
  if (plain.dense) throw refusal('the model is dense already.', 'a Mamba or Mamba-2 without dense connections', 'one with them');
  if (!startsNeutral(dense))
    throw refusal(
      'these connections would change the logits at once.',
      'a gate, a linear projection or fusion "concat", which can start at nothing',
      `gate "${dense.gate}", projection "${dense.projection}", fusion "${dense.fusion}"`,
    );
  return Object.freeze({ ...plain, dense, rest: keysWithoutMeaning(plain.rest) });
}

/** The params of a larger spec: the tensors of a smaller one by their names, and fresh ones for the rest. */
function extendParams<S extends SpecTree>(smaller: SpecTree, params: unknown, larger: S, seed: number): Params<S> {
  const known = new Map<string, Tensor>([...namedParams(smaller, params)].map(([{ name }, tensor]) => [name, tensor]));
  return buildParams(larger, (leaf) => known.get(leaf.name) ?? initParams(leaf, seed));
}

const refusal = (problem: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `upcycleMamba: ${problem}`,
    expected,
    got,
    fix: 'choose connections that start neutral, or start a dense model afresh with denseMamba.init',
  });
