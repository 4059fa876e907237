/**
 * What we use of tfjs's engine beyond its public functions: its tape, its registry of kernels, and where its values lie.
 *
 * The tape: while gradients are asked for, each operation leaves a node with what its own gradient will need. The engine has one
 * tape, and `engine().gradients` starts a new one in its place: whatever differentiates inside of a gradient has to put it back.
 */
import { clone, engine, getKernel, type KernelConfig, registerKernel, type Tensor, unregisterKernel } from '@tensorflow/tfjs-core';
import { SsmError } from './errors';

/** What the engine's own type leaves out. */
export interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
  /** The operation, or the function that ran it. */
  readonly kernelName?: string;
  /** The gradients of the inputs by their names, given those of the outputs; absent where tfjs knows none. */
  gradient?: (dys: Tensor[]) => Record<string, () => Tensor>;
}

/** An operation for the tape: gradients of its inputs by their names. */
export interface TapeCall {
  inputs: Record<string, Tensor>;
  forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor | Tensor[];
  backwardsFunc: (dy: Tensor | Tensor[], saved: Tensor[]) => Record<string, () => Tensor>;
  attrs?: object;
}

/** tfjs's own door for an operation with several outputs and a gradient; it is not in the typings. */
export const runOnTape = (call: TapeCall): Tensor | Tensor[] =>
  (engine() as unknown as { runKernelFunc(call: TapeCall): Tensor | Tensor[] }).runKernelFunc(call);

/** The same values without their history: no gradient flows through. */
export const detached = <T extends Tensor>(x: T): T =>
  runOnTape({ inputs: {}, forwardFunc: () => clone(x), backwardsFunc: () => ({}) }) as T;

/** Whether operations are being recorded: inside a loss whose gradients were asked for, outside of a kernel. */
export const isRecording = (): boolean => engine().state.gradientDepth > 0 && engine().state.kernelDepth === 0;

/** Runs with a tape of its own in the place of the current one, and shows it; frees what it saved, also after an error. */
export function withOwnTape<T>(run: (tape: readonly TapeNode[]) => T): T {
  const { state } = engine();
  const outer = state.activeTape;
  const own: TapeNode[] = [];
  state.activeTape = own as unknown as typeof outer;
  try {
    return run(own);
  } finally {
    freeTape();
    state.activeTape = outer;
  }
}

/**
 * `run()` while the tape records, with gradients that say which operation failed. tfjs has none for some operations, and those of others
 * read a tensor that they did not save, which a tidy has freed by then: it throws a bare TypeError.
 */
export function namingFailures<T>(run: () => T): T {
  const result = run();
  for (const node of (engine().state.activeTape ?? []) as unknown as TapeNode[]) {
    const { gradient, kernelName = '' } = node;
    node.gradient = (dys) => {
      if (gradient === undefined) throw failedGradient(kernelName, 'no gradient');
      const parts = named(kernelName, () => gradient(dys));
      return Object.fromEntries(Object.entries(parts).map(([input, part]) => [input, () => named(kernelName, part)]));
    };
  }
  return result;
}

function named<T>(operation: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Error && error.name === 'SsmError') throw error;
    throw failedGradient(operation, error instanceof Error ? `${error.name}: ${error.message}` : String(error), error);
  }
}

/** What tfjs calls scopes of functions without a name, which a node without an operation is named after. */
const SCOPES: ReadonlySet<string> = new Set(['', 'forward', 'unnamed scope']);

const failedGradient = (operation: string, got: string, cause?: unknown): SsmError =>
  new SsmError(
    {
      code: 'OPTION',
      what: `The gradient of the operation ${SCOPES.has(operation) ? 'of a customGrad' : operation} cannot be computed.`,
      expected: 'an operation with a gradient, which reads nothing but what it saved',
      got,
      fix: 'use the function of @densessm/kernels in its place (logSigmoid, matMul, cumsum, embedding …), or other operations; CONTRIBUTING.md of the repository lists the traps',
    },
    { cause },
  );

/** Frees what the current tape saved. tfjs does so at the end of a backward pass, and not where an error prevents one. */
export function freeTape(): void {
  for (const { saved } of (engine().state.activeTape ?? []) as unknown as TapeNode[]) for (const tensor of saved) tensor.dispose();
}

/** What the registry holds of an operation on the current backend, or undefined. */
export const registeredKernel = (name: string): KernelConfig | undefined => getKernel(name, engine().backendName);

/** Registers an operation; a later one replaces an earlier one, about which tfjs would warn. */
export function replaceKernel(config: KernelConfig): void {
  const { kernelName, backendName } = config;
  if (getKernel(kernelName, backendName) !== undefined) unregisterKernel(kernelName, backendName);
  registerKernel(config);
}

const HOST_BACKENDS: ReadonlySet<string> = new Set(['cpu', 'wasm']);

/** Whether tensors lie in this thread's memory, so that looking at their values costs nothing; a GPU would stall. */
export const liesOnHost = (): boolean => HOST_BACKENDS.has(engine().backendName);
