import { type ParamLeaf, SsmError } from '@densessm/ssm-core';
import { dispose, keep, type Tensor, zeros } from '@tensorflow/tfjs-core';
import type { OptimizerState } from './optimizer';

/** What an optimizer remembers of each parameter: named tensors, all zero at first, and the number of steps. */
export class Moments {
  readonly #tensors = new Map<string, Tensor>();
  readonly #steps = new Map<string, number>();
  /** Parameters that took a step since the last call of {@link Moments.begin}. */
  readonly #stepped = new Set<string>();

  constructor(
    readonly where: string,
    readonly kinds: readonly string[],
  ) {}

  get(kind: string, leaf: ParamLeaf): Tensor {
    return this.#tensors.get(`${kind}.${leaf.name}`) ?? this.set(kind, leaf, zeros([...leaf.shape]));
  }

  /** Remembers a tensor in place of the last one, which is freed. */
  set(kind: string, leaf: ParamLeaf, tensor: Tensor): Tensor {
    const name = `${kind}.${leaf.name}`;
    this.#tensors.get(name)?.dispose();
    this.#tensors.set(name, keep(tensor));
    return tensor;
  }

  /** The number of the step that begins, counted from 1. A parameter without a gradient takes no step, as in torch. */
  nextStep(leaf: ParamLeaf): number {
    const step = (this.#steps.get(leaf.name) ?? 0) + 1;
    this.#steps.set(leaf.name, step);
    this.#stepped.add(leaf.name);
    return step;
  }

  /** An update begins. */
  begin(): void {
    this.#stepped.clear();
  }

  /** The steps since {@link Moments.begin} count no more. */
  stepBack(): void {
    for (const name of this.#stepped) {
      const before = (this.#steps.get(name) ?? 0) - 1;
      if (before > 0) this.#steps.set(name, before);
      else this.#steps.delete(name);
    }
    this.#stepped.clear();
  }

  state(): OptimizerState {
    return { tensors: Object.fromEntries(this.#tensors), counters: Object.fromEntries(this.#steps) };
  }

  /** Takes over the tensors. @throws SsmError STATE where a name is none of this optimizer's; then nothing has changed. */
  load({ tensors, counters }: OptimizerState): void {
    const foreign = Object.keys(tensors).find((name) => !this.kinds.some((kind) => name.startsWith(`${kind}.`)));
    if (foreign !== undefined) throw foreignState(this.where, this.kinds, foreign);
    this.dispose();
    for (const [name, tensor] of Object.entries(tensors)) this.#tensors.set(name, keep(tensor));
    for (const [name, step] of Object.entries(counters)) this.#steps.set(name, step);
  }

  dispose(): void {
    dispose([...this.#tensors.values()]);
    this.#tensors.clear();
    this.#steps.clear();
  }
}

const foreignState = (where: string, kinds: readonly string[], got: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: the state belongs to another optimizer.`,
    expected: kinds.map((kind) => `${kind}.<parameter>`).join(', ') || 'no tensors',
    got,
    fix: 'continue with the optimizer that the checkpoint was made with, or start without its state',
  });
