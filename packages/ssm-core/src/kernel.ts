import { engine, type KernelConfig, type KernelFunc, type Tensor, type TensorInfo } from '@tensorflow/tfjs-core';
import { registeredKernel, replaceKernel, runOnTape, type TapeCall } from './engine';
import { SsmError } from './errors';
import { bindShapes, type Dims } from './shapes';

/** The shape of an input in letters, or one shape per rank where a kernel accepts several ranks. */
export interface InputSpec {
  readonly dims: Dims | readonly Dims[];
  readonly optional?: boolean;
  /** float32 unless said otherwise. */
  readonly dtype?: 'float32' | 'int32';
}

export type KernelInputs = { readonly [name: string]: Tensor | undefined };
export type KernelOutput = Tensor | Tensor[];
type InputGradients<I> = { [K in keyof I]?: () => Tensor };

/**
 * A fused operation, declared once. `reference` is made of tfjs operations and runs on every backend; a backend may
 * have a faster version (see {@link specialize}). `backward` holds for both, and is itself made of tfjs operations and kernels.
 */
export interface KernelDefinition<I extends object, O extends KernelOutput, A extends object> {
  /** PascalCase, the name in tfjs's kernel registry. */
  readonly name: string;
  readonly inputs: { readonly [K in keyof I]-?: InputSpec | Dims };
  /** Ends every shape error: how the caller gets these shapes. */
  readonly fix: string;
  /** Attributes and their defaults. */
  readonly attrs: A;
  /** Checks that shapes alone do not express. */
  readonly check?: (inputs: I, attrs: A, sizes: Readonly<Record<string, number>>) => void;
  readonly reference: (inputs: I, attrs: A) => O;
  /** One function per differentiable input; only those that are needed run. Left out where no gradient exists. */
  readonly backward?: (dy: O, inputs: I, outputs: O, attrs: A) => InputGradients<I>;
}

export interface Kernel<I extends object, O extends KernelOutput, A extends object = object> {
  (inputs: I, attrs?: Partial<A>): O;
  readonly definition: KernelDefinition<I, O, A>;
}

/**
 * Turns a definition into a function that checks its inputs, runs the fast version of the current backend (or the
 * reference), and is one node on tfjs's tape: between forward and backward it keeps its inputs and outputs, nothing else.
 */
export function defineKernel<I extends object, O extends KernelOutput, A extends object = object>(
  definition: KernelDefinition<I, O, A>,
): Kernel<I, O, A> {
  const run = (given: I, some: Partial<A> = {}): O => {
    const attrs = { ...definition.attrs, ...some };
    const inputs = Object.fromEntries(Object.entries(given).filter(([, tensor]) => tensor !== undefined)) as Record<string, Tensor>;
    checkInputs(definition, given, attrs);
    const names = Object.keys(inputs);
    const call: TapeCall = {
      inputs,
      attrs,
      forwardFunc: (_, save) => {
        const output = runForward(definition, inputs as I, attrs);
        save([...Object.values(inputs), ...(Array.isArray(output) ? output : [output])]);
        return output;
      },
      backwardsFunc: (dy, saved) => {
        if (!definition.backward) throw noGradient(definition.name);
        const again = Object.fromEntries(names.map((name, i) => [name, saved[i]])) as I;
        const outputs = saved.slice(names.length);
        const gradients = definition.backward(dy as O, again, (Array.isArray(dy) ? outputs : outputs[0]) as O, attrs);
        return gradients as Record<string, () => Tensor>;
      },
    };
    return runOnTape(call) as O;
  };
  return Object.assign(run, { definition });
}

function runForward<I extends object, O extends KernelOutput, A extends object>(
  definition: KernelDefinition<I, O, A>,
  inputs: I,
  attrs: A,
): O {
  const fast = registeredKernel(definition.name) as Partial<SpecializedConfig<I, A>> | undefined;
  if (fast === undefined || (fast.supports && fast.supports(inputs, attrs) !== true)) return definition.reference(inputs, attrs);
  return engine().runKernel(definition.name, inputs as never, attrs as never) as O;
}

/** What a fast version is given. `backend` is tfjs's backend object, whose memory it works on. */
export interface FastCall<I, A, B> {
  inputs: I;
  attrs: A;
  backend: B;
}

/** A fast version of a kernel for one backend. */
export interface Specialization<I, A, B> {
  /** Whether it computes this case; where not, the reason, and then the reference runs. Decides by shapes, types and attributes alone. */
  readonly supports: (inputs: I, attrs: A) => true | string;
  readonly run: (call: FastCall<I, A, B>) => TensorInfo | TensorInfo[];
}

/** What tfjs's registry holds of a specialization. */
type SpecializedConfig<I, A> = KernelConfig & Pick<Specialization<I, A, unknown>, 'supports'>;

/** Registers a fast version of a kernel for a backend; a later one replaces an earlier one. Called by runtimes, never at import. */
export function specialize<I extends object, O extends KernelOutput, A extends object, B>(
  kernel: Kernel<I, O, A>,
  backendName: string,
  { supports, run }: Specialization<I, A, B>,
): void {
  const kernelName = kernel.definition.name;
  const kernelFunc: KernelFunc = (call) => run(call as unknown as FastCall<I, A, B>);
  const config: SpecializedConfig<I, A> = { kernelName, backendName, kernelFunc, supports };
  replaceKernel(config);
}

function checkInputs<I extends object, O extends KernelOutput, A extends object>(
  definition: KernelDefinition<I, O, A>,
  given: I,
  attrs: A,
): void {
  const where = definition.name;
  const bindings: Record<string, readonly [Tensor | undefined, Dims]> = {};
  for (const [name, spec] of Object.entries(definition.inputs) as [string, InputSpec | Dims][]) {
    const tensor = (given as KernelInputs)[name];
    const { dims, optional, dtype = 'float32' } = 'dims' in spec ? spec : { dims: spec, optional: false };
    if (tensor === undefined && !optional) throw problemWith(where, name, `a ${dtype} tensor`, 'undefined', definition.fix);
    if (tensor !== undefined && tensor.dtype !== dtype)
      throw problemWith(where, name, dtype, tensor.dtype, `cast it: cast(${name}, '${dtype}')`);
    bindings[name] = [tensor, forRank(dims, tensor?.rank)];
  }
  const sizes = bindShapes(where, definition.fix, bindings);
  definition.check?.(given, attrs, sizes);
}

/** Of several shapes the one with the tensor's rank; the first where none has it, so that the error shows it. */
function forRank(dims: Dims | readonly Dims[], rank: number | undefined): Dims {
  if (!Array.isArray(dims[0])) return dims as Dims;
  const choices = dims as readonly Dims[];
  return choices.find((choice) => choice.length === rank) ?? (choices[0] as Dims);
}

const problemWith = (where: string, name: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'DTYPE', what: `${where}: \`${name}\` is not what the kernel takes.`, expected, got, fix });

const noGradient = (name: string): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `${name}: this kernel has no gradient.`,
    expected: 'a kernel with a backward inside the loss',
    got: name,
    fix: 'keep it out of the loss, or differentiate the kernel it belongs to',
  });
