import type { Gradients, ParamLeaf, SpecTree } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** What one step of an optimiser works on. */
export interface Update<P extends object> {
  /** Tells which parameters decay, and their names. */
  spec: SpecTree;
  params: P;
  /** Null where the loss does not depend on a parameter: it is left alone, weight decay included. */
  grads: Gradients<P>;
  learningRate: number;
  /** Every gradient is multiplied by this first: how clipping comes in. 1 unless given. */
  gradientScale?: number;
}

/** What an optimiser remembers: tensors by `<what>.<name of the parameter>`, and its counters as JSON. */
export interface OptimizerState {
  tensors: Readonly<Record<string, Tensor>>;
  counters: Readonly<Record<string, number>>;
}

/** Chooses parameters, by their leaf in the spec: its name on disk, its shape, whether it decays. */
export type ParamRule = (leaf: ParamLeaf) => boolean;

export interface Optimizer {
  readonly name: string;
  /**
   * One step. Returns the tree of the new values and frees the old ones, in whose place the new ones lie where the backend allows it.
   * The gradients stay the caller's.
   */
  update<P extends object>(update: Update<P>): P;
  /** The tensors stay the optimiser's: copy what is to be kept. */
  state(): OptimizerState;
  /** Continues from a state; the tensors are the optimiser's from then on. @throws SsmError STATE where it belongs to another optimiser. */
  load(state: OptimizerState): void;
  dispose(): void;
}
