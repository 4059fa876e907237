import { buildParams, type Gradients, namedParams, type ParamLeaf, type SpecTree } from '@densessm/ssm-core';
import { dispose, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';

/** What one step of an optimizer works on. */
export interface Update<P extends object> {
  /** Tells the names of the parameters, and which of them decay. */
  spec: SpecTree;
  params: P;
  /** Null where the loss does not depend on a parameter: it is left alone, weight decay included. */
  grads: NoInfer<Gradients<P>>;
  learningRate: number;
  /** Every gradient is multiplied by this first: how clipping comes in. 1 unless given. */
  gradientScale?: number;
  /** For an optimizer that {@link Optimizer.takesMeasures} of a device's: then it clips by itself, and leaves out a step that is not finite. */
  measures?: StepMeasures;
}

/** What a step is clipped by, and left out for, where the host does not wait for it. */
export interface StepMeasures {
  /** [2]: the loss, and the norm of all gradients after `gradientScale`. */
  measured: Tensor1D;
  /** The greatest norm that is left as it is; 0 for any. */
  largestNorm: number;
}

/** What an optimizer remembers: tensors by `<what>.<name of the parameter>`, and steps by name of the parameter. */
export interface OptimizerState {
  tensors: Readonly<Record<string, Tensor>>;
  counters: Readonly<Record<string, number>>;
}

/** Chooses parameters, by their leaf in the spec: its name on disk, its shape, whether it decays. */
export type ParamRule = (leaf: ParamLeaf) => boolean;

export interface Optimizer {
  readonly name: string;
  /**
   * One step. Returns the tree of the new values and frees the old ones; the gradients stay the caller's.
   */
  update<P extends object>(update: Update<P>): P;
  /** The tensors stay the optimizer's: copy what is to be kept. */
  state(): OptimizerState;
  /** Continues from a state; the tensors are the optimizer's from then on. @throws SsmError STATE where it belongs to another optimizer. */
  load(state: OptimizerState): void;
  dispose(): void;
  /** Whether updates may come with {@link StepMeasures}. */
  readonly takesMeasures?: boolean;
  /** The last update came with measures that were not finite: it changed nothing, and does not count. */
  leaveOut?(): void;
}

/** One parameter in a step. */
export interface ParamStep {
  leaf: ParamLeaf;
  param: Tensor;
  grad: Tensor;
  learningRate: number;
  gradientScale: number;
  measures?: StepMeasures;
}

/** Matrices and filters, as in nanoGPT; of those not A_log, which is no matrix that multiplies anything. */
export const decaysByDefault: ParamRule = ({ decay, shape }) => decay && shape.length > 1;

/** The tree with every parameter that has a gradient replaced by what `next` makes of it; the old ones are freed, and the new ones where it throws. */
export function updateEach<P extends object>(
  { spec, params, grads, learningRate, gradientScale = 1, measures }: Update<P>,
  next: (step: ParamStep) => Tensor,
): P {
  const gradients = new Map([...namedParams(spec, grads)].map(([{ name }, grad]) => [name, grad as Tensor | null]));
  const values = new Map<string, Tensor>();
  const made: Tensor[] = [];
  try {
    for (const [leaf, param] of namedParams(spec, params)) {
      const grad = gradients.get(leaf.name);
      if (grad) made.push(next({ leaf, param, grad, learningRate, gradientScale, measures }));
      values.set(leaf.name, grad ? (made.at(-1) as Tensor) : param);
      if (grad) param.dispose();
    }
  } catch (error) {
    dispose(made);
    throw error;
  }
  return buildParams(spec, ({ name }) => values.get(name) as Tensor) as P;
}
