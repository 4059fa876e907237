import type { ConfigJson } from '@densessm/ssm-core';

/** One comparison with a reference: it passes where `error` ≤ `bound`. */
export interface CheckResult {
  /** The quantity, as in "L33 logits" or "c4 gradient of u". */
  name: string;
  error: number;
  bound: number;
}

export interface StoredTensor {
  shape: number[];
  values: Float32Array | Float64Array | Int32Array;
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
  weights: ReadonlyMap<string, StoredTensor>;
}

export interface ModelFixture extends Fixture {
  model: StoredModel;
  /** The same weights in the original implementation's format, where the folder has them. */
  original?: StoredModel;
}
