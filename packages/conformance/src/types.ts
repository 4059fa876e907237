import type { TensorSource, TensorValues } from '@densessm/checkpoint';
import type { ConfigJson, ForwardOptions, HiddenStates } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** One comparison with a reference: it passes where `error` ≤ `bound`. */
export interface CheckResult {
  /** The quantity, as in "L33 logits" or "c4 gradient of u". */
  name: string;
  error: number;
  bound: number;
}

export interface StoredTensor {
  shape: number[];
  values: TensorValues;
}

/** A folder of reference results as it lies on disk. */
export interface Fixture {
  name: string;
  /** expected.json */
  expected: ConfigJson;
  /** expected.safetensors */
  tensors: ReadonlyMap<string, StoredTensor>;
}

/** Operator cases: `expected.cases[i]` describes the tensors named `c<i>.*`. */
export type OpsFixture = Fixture;

/** A model in one format on disk. */
export interface StoredModel {
  config: unknown;
  weights: TensorSource;
}

export interface ModelFixture extends Fixture {
  model: StoredModel;
  /** The same weights in the original implementation's format, where the folder has them. */
  original?: StoredModel;
}

export type NamedTensor = [name: string, tensor: Tensor];

/** How a family's reference orders what ours returns, and how close the two can be. */
export interface Family {
  /** Bound on absolute errors of logits where no reason for more exists. */
  readonly logits: number;
  /** Bound on gradients, relative to each tensor's RMS. */
  readonly gradients: number;
  /** Options under which `forward` computes what the reference's parallel mode does to the last detail, and the bounds then. */
  readonly exact?: { options: ForwardOptions & { retention: unknown }; logits: number; gradients: number };
  /** The config whose `advance` is the reference's step mode from the second token on: the given one unless the reference's modes differ. */
  laterSteps(config: object): object;
  /** In the reference's order. */
  hidden(states: HiddenStates): Tensor[];
  /** Our state under the reference's names and in its layout. */
  state(state: unknown): NamedTensor[];
}
