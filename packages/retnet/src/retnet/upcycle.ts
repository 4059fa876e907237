import { completeDenseConfig, type DenseConfig } from '@densessm/dense-connect';
import { startsNeutral } from '@densessm/dense-connect/internal';
import { buildParams, initParams, namedParams, SsmError, tidyTree } from '@densessm/ssm-core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import type { RetNetConfig } from './config';
import { type RetNetParams, retnetSpec } from './spec';

const WHERE = 'upcycleRetNet';

/**
 * A RetNet with dense connections that computes what the plain one does, to the last bit: the weights are the same and every
 * new connection starts at zero. The result is the caller's to dispose of, and so is `params` still.
 * @throws SsmError CONFIG for choices that do not fit together, OPTION where the model is dense already or would change.
 */
export function upcycleRetNet(
  params: RetNetParams,
  config: RetNetConfig,
  choices: Partial<DenseConfig>,
  seed: number,
): { config: RetNetConfig; params: RetNetParams } {
  const dense = completeDenseConfig(WHERE, choices, config.hiddenSize);
  if (config.dense.denseLayers > 0)
    throw refusal(
      'the model has dense connections already.',
      'a plain RetNet',
      `denseLayers ${config.dense.denseLayers}`,
      'train it as it is',
    );
  if (!startsNeutral(dense))
    throw refusal(
      'these connections would change the logits.',
      'a gate, a linear projection or fusion by concatenation, which start at zero',
      `gate "${dense.gate}", projection "${dense.projection}", fusion "${dense.fusion}"`,
      'choose gate "mlp" or "linear", or train the dense model from the start',
    );
  const next: RetNetConfig = Object.freeze({ ...config, dense });
  return { config: next, params: withNewConnections(params, config, next, seed) };
}

function withNewConnections(params: RetNetParams, config: RetNetConfig, next: RetNetConfig, seed: number): RetNetParams {
  const spec = retnetSpec(next);
  return tidyTree(() => {
    const tensors = new Map<string, Tensor>();
    for (const [{ name }, tensor] of namedParams(spec, initParams(spec, seed))) tensors.set(name, tensor);
    for (const [{ name }, tensor] of namedParams(retnetSpec(config), params)) tensors.set(name, clone(tensor));
    return buildParams(spec, ({ name }) => tensors.get(name) as Tensor);
  });
}

const refusal = (problem: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'OPTION', what: `${WHERE}: ${problem}`, expected, got, fix });
