/**
 * Gradient checkpointing: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost",
 * arXiv:1604.06174, §4.
 */
import { clone, engine, scalar, type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import { isRecording, namingFailures, runOnTape, type TapeNode, withOwnTape } from './engine';
import { SsmError } from './errors';
import { mapTree, tensorsOf, tidyTree } from './tree';

/**
 * `run(inputs, constants)`, of which a backward pass keeps the inputs and constants alone and computes the rest again. Both are
 * trees of tensors, and so is the result; `run` must be a pure function of them. Gradients flow to the float32 tensors of `inputs`.
 * Outside of a loss it is just a call.
 * @throws SsmError OPTION where `run` reads a tensor that neither tree holds, or where its gradient is differentiated again.
 */
export function checkpointed<I, K, O>(run: (inputs: I, constants: K) => O, inputs: I, constants: K): O {
  if (!isRecording()) return run(inputs, constants);
  const given = listOf([inputs, constants]);
  const { outputs, read } = withOwnTape((tape) => {
    const mark = scalar(0);
    const result = tidyTree(() => withoutInputs(run(inputs, constants), given));
    return { outputs: result, read: readFrom(tape, given, mark) };
  });
  const variable = new Set(listOf(inputs).filter(({ dtype }) => dtype === 'float32'));
  const [sought, fixed] = [read.filter((tensor) => variable.has(tensor)), read.filter((tensor) => !variable.has(tensor))];
  runOnTape({
    inputs: Object.fromEntries(sought.entries()),
    forwardFunc: (_, save) => {
      save([...sought, ...fixed]);
      return listOf(outputs);
    },
    backwardsFunc: (dy, saved) => {
      const again = new Map([...sought, ...fixed].map((tensor, i) => [tensor, saved[i] as Tensor]));
      const replace = <Tree>(tree: Tree): Tree => mapTree(tree, (tensor) => again.get(tensor) ?? tensor);
      const [someInputs, someConstants] = [replace(inputs), replace(constants)];
      const rerun = () => listOf(withoutInputs(run(someInputs, someConstants), listOf([someInputs, someConstants])));
      const gradients = gradientsOf(rerun, saved.slice(0, sought.length), [dy].flat());
      return Object.fromEntries(sought.map((tensor, i) => [i, () => gradients[i] ?? zerosLike(tensor)]));
    },
  });
  return outputs;
}

/** Every tensor of a tree once. */
const listOf = (tree: unknown): Tensor[] => [...new Set([...tensorsOf(tree)].map(([, tensor]) => tensor))];

/** A result that holds none of the inputs themselves: a tensor cannot be both on one node of the tape. */
function withoutInputs<O>(result: O, given: readonly Tensor[]): O {
  const copies = new Map<Tensor, Tensor>();
  return mapTree(result, (tensor) => {
    if (!given.includes(tensor)) return tensor;
    const copy = copies.get(tensor) ?? clone(tensor);
    copies.set(tensor, copy);
    return copy;
  });
}

/** Those of the given tensors that were read. `mark` was made right before: older tensors that are not given came in by the back door. */
function readFrom(tape: readonly TapeNode[], given: readonly Tensor[], mark: Tensor): Tensor[] {
  mark.dispose();
  const read = new Set(tape.flatMap(({ inputs }) => Object.values(inputs)).filter(({ id }) => id < mark.id));
  const stranger = [...read].find((tensor) => !given.includes(tensor));
  if (stranger === undefined) return given.filter((tensor) => read.has(tensor));
  throw new SsmError({
    code: 'OPTION',
    what: 'checkpointed: the function reads a tensor that it was not given.',
    expected: 'a function of its inputs and constants alone',
    got: `another tensor of shape [${stranger.shape.join(', ')}]`,
    fix: 'pass the tensor among the inputs, or among the constants where it needs no gradient',
  });
}

/** The gradients of outputs, computed again, with respect to `xs`, given those of the outputs; null where there is none. */
function gradientsOf(run: () => Tensor[], xs: Tensor[], dys: readonly Tensor[]): (Tensor | null)[] {
  if (engine().state.gradientDepth > 0)
    throw new SsmError({
      code: 'OPTION',
      what: 'checkpointed: its gradient cannot be differentiated again.',
      expected: 'first derivatives',
      got: 'a gradient inside the loss of another',
      fix: 'leave out the option `recompute` for derivatives of derivatives',
    });
  return withOwnTape(() => {
    const { value, grads } = engine().gradients(() => namingFailures(() => joined(run(), dys)), xs, undefined, true);
    value.dispose();
    return grads;
  });
}

/** A number whose gradient with respect to each tensor is the given one: tfjs differentiates nothing but numbers. */
function joined(tensors: readonly Tensor[], dys: readonly Tensor[]): Tensor {
  const float = [...tensors.entries()].filter(([, { dtype }]) => dtype === 'float32');
  return runOnTape({
    inputs: Object.fromEntries(float),
    forwardFunc: () => scalar(0),
    backwardsFunc: () => Object.fromEntries(float.map(([i]) => [i, () => clone(dys[i] as Tensor)])),
  }) as Tensor;
}
