import {
  buildParams,
  initParams,
  type LayersOf,
  type LayersOptions,
  namedParams,
  type ParamLeaf,
  type SpecTree,
  SsmError,
  tidyTree,
} from '@densessm/ssm-core';
import { clone, type DataType, type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { type initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { checkArgs, fieldsOnDisk, optionError, type SequenceLayerArgs } from './args';
import { firstSteps, lastStep, maskOf, onlyOne } from './mask';

/** What a layer needs of a model: its layers as a function of their weights. */
export interface LayersModel<C, P> {
  parseConfig(json: unknown): C;
  configToJson(config: C): Record<string, unknown>;
  spec(config: C): SpecTree;
  runLayers(layers: LayersOf<P>, config: C, x: Tensor3D, options?: LayersOptions): Tensor3D;
}

/** A model and how the arguments of its layer become its config.json. */
export interface LayerFamily<C, P, A extends SequenceLayerArgs> {
  readonly layer: string;
  /** The names of its own arguments. */
  readonly args: readonly string[];
  modelOf(args: A): LayersModel<C, P>;
  /** config.json for inputs of this width. */
  json(args: A, hiddenSize: number): Record<string, unknown>;
  /** Keys of the config that nothing knows. */
  unread(config: C): Readonly<Record<string, unknown>>;
}

const SHARED = ['depth', 'dense', 'returnSequences', 'seed', 'recompute', 'config'] as const;

/** The weights of a model and what they belong to, as `loadPretrained` and `loadModel` give them. */
export interface OfModel<C, P> {
  readonly config: C;
  readonly params: P;
}

/** The layers of a model's params as the `weights` of a layer: the tensors themselves, which are read when the layer is first applied. */
export const weightsOf = <C, P extends { layers: unknown }>(
  model: Pick<LayersModel<C, P>, 'spec'>,
  { config, params }: OfModel<C, P>,
): Tensor[] => [...namedParams((model.spec(config) as { layers: SpecTree }).layers, params.layers)].map(([, tensor]) => tensor);

/** What is known once the input's width is. */
interface Built<C> {
  readonly config: C;
  readonly spec: SpecTree;
  readonly variables: ReadonlyMap<ParamLeaf, LayerVariable>;
}

type Kwargs = { mask?: Tensor | Tensor[] | null };

/** Blocks of one model behind one another, with weights of the model's own names and shapes. Letters in shapes: B batch, T time, D hidden size. */
export abstract class SequenceLayer<C, P, A extends SequenceLayerArgs> extends layers.Layer {
  readonly #family: LayerFamily<C, P, A>;
  readonly #args: A;
  #built: Built<C> | undefined;

  /** @throws SsmError OPTION for an argument that there is not */
  constructor(family: LayerFamily<C, P, A>, args: A | undefined) {
    const checked = checkArgs(family.layer, args, [...SHARED, ...family.args]);
    super(checked);
    this.#family = family;
    this.#args = checked;
    this.supportsMasking = true;
  }

  /** The config of the model whose layers these are; its vocabulary means nothing. @throws SsmError OPTION before the layer is built */
  get modelConfig(): C {
    return this.#parts('modelConfig').config;
  }

  /** @throws SsmError SHAPE for an input that is not [B, T, D] with a known D, CONFIG for sizes that do not fit */
  override build(inputShape: Shape | Shape[]): void {
    const hiddenSize = widthOf(this.name, inputShape);
    const config = this.#configFor(hiddenSize);
    const spec = (this.#family.modelOf(this.#args).spec(config) as { layers: SpecTree }).layers;
    const starts = new Map(namedParams(spec, initParams(spec, this.#args.seed ?? 1)));
    const add = (leaf: ParamLeaf): LayerVariable => {
      const initializer = { apply: () => starts.get(leaf) as Tensor };
      const name = leaf.name.replace(/^.*?layers\./, 'layers.'); // tfjs takes names that begin with a number for another format's
      return this.addWeight(name, [...leaf.shape], 'float32' as DataType, initializer as unknown as Initializer);
    };
    this.#built = { config, spec, variables: new Map([...starts.keys()].map((leaf) => [leaf, add(leaf)])) };
    for (const tensor of starts.values()) tensor.dispose();
    this.built = true;
  }

  #configFor(hiddenSize: number): C {
    const args = this.#args;
    const config = this.#family.modelOf(args).parseConfig(this.#family.json(args, hiddenSize));
    const unread = Object.keys(this.#family.unread(config));
    const unknown = Object.keys(fieldsOnDisk(args.config ?? {})).find((key) => unread.includes(key));
    if (unknown === undefined) return config;
    throw optionError(
      `${this.#family.layer}: the model knows no \`${unknown}\`.`,
      'a key of its config.json',
      unknown,
      'remove it or correct its spelling',
    );
  }

  /** [B, T, D] → [B, T, D], or [B, D] of the last step. */
  override call(inputs: Tensor | Tensor[], kwargs: Kwargs): Tensor {
    return tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const { config, spec, variables } = this.#parts('call');
      const mask = maskOf(kwargs?.mask);
      const params = buildParams(spec, (leaf) => (variables.get(leaf) as LayerVariable).read()) as LayersOf<P>;
      const options = { recompute: this.#args.recompute, documentStarts: mask && firstSteps(mask) };
      const y = this.#family.modelOf(this.#args).runLayers(params, config, onlyOne(inputs) as Tensor3D, options);
      return this.#returnsSequences ? y : lastStep(y, mask);
    });
  }

  get #returnsSequences(): boolean {
    return this.#args.returnSequences ?? true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch = null, time = null, width = null] = onlyShape(inputShape);
    return this.#returnsSequences ? [batch, time, width] : [batch, width];
  }

  override computeMask(_: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor {
    return (this.#returnsSequences ? (maskOf(mask) ?? null) : null) as Tensor;
  }

  override getConfig(): ReturnType<layers.Layer['getConfig']> {
    const own = Object.fromEntries([...SHARED, ...this.#family.args].map((name) => [name, (this.#args as Record<string, unknown>)[name]]));
    return { ...super.getConfig(), ...own } as ReturnType<layers.Layer['getConfig']>;
  }

  /**
   * The weights as the `layers` of the model's params: copies, whose disposal is the caller's.
   * @throws SsmError OPTION before the layer is built
   */
  params(): LayersOf<P> {
    const { spec, variables } = this.#parts('params');
    return tidyTree(() => buildParams(spec, (leaf) => clone((variables.get(leaf) as LayerVariable).read())) as LayersOf<P>);
  }

  /**
   * Takes the weights from the `layers` of a model's params, which stay the caller's.
   * @throws SsmError OPTION before the layer is built, WEIGHTS for a tensor that is missing or has another shape
   */
  setParams(params: LayersOf<P>): void {
    const { spec, variables } = this.#parts('setParams');
    const given = [...namedParams(spec, params)];
    for (const [leaf, tensor] of given) {
      const got = tensor === undefined ? 'nothing' : `[${tensor.shape.join(', ')}]`;
      const expected = `[${leaf.shape.join(', ')}]`;
      if (got !== expected) throw misfit(this.name, leaf.name, expected, got);
    }
    for (const [leaf, tensor] of given) (variables.get(leaf) as LayerVariable).write(tensor);
  }

  #parts(what: string): Built<C> {
    if (this.#built) return this.#built;
    const fix = 'apply it to an input, add it to a model, or call build([null, null, hiddenSize])';
    throw optionError(`${this.name}.${what}: the layer is not built yet.`, 'a layer that knows the width of its input', 'none', fix);
  }
}

type Initializer = ReturnType<typeof initializers.zeros>;

const onlyShape = (shape: Shape | Shape[]): Shape => (Array.isArray(shape[0]) ? shape[0] : shape) as Shape;

function widthOf(layer: string, inputShape: Shape | Shape[]): number {
  const shape = onlyShape(inputShape);
  const width = shape[2];
  if (shape.length === 3 && typeof width === 'number') return width;
  throw new SsmError({
    code: 'SHAPE',
    what: `${layer}: the input cannot be read.`,
    expected: '[batch, time, hiddenSize] with a known hiddenSize',
    got: `[${shape.map((size) => size ?? 'any').join(', ')}]`,
    fix: 'put an embedding or a dense layer in front, or give inputShape: [null, hiddenSize]',
  });
}

const misfit = (layer: string, name: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `${layer}.setParams: \`${name}\` does not fit.`,
    expected,
    got,
    fix: 'make the layer with the sizes of the model, as `from` does',
  });
