import type { DecodeProgram, Slot } from '@densessm/kernels/decode';
import type { HeadSizes } from './head-sizes';
import { decayLogarithms, retentionScale, rotationAngles } from './positions';

/** What depends on a token's position and nothing else, as positions.ts has it, one token at a time, for a decode program. */
export class PositionState {
  /** Tokens read so far. */
  position = 0;
  /** Of each text and head, once a state came with it; else it follows from the position. [B, H] */
  scale: Float64Array | undefined;
  /** [K/2], of the token that is read now. */
  readonly cos: Slot;
  readonly sin: Slot;
  /** 1 / √scale, [B, H]. */
  readonly inverseRootScale: Slot;
  readonly #heads: number;
  readonly #angles: Float32Array;
  readonly #decays: Float64Array;

  /** Records the step that sets the values. @throws SsmError BACKEND without room */
  constructor(program: DecodeProgram, { numHeads, keyDim }: HeadSizes) {
    const width = keyDim / numHeads;
    const size = width + program.batch * numHeads;
    this.#heads = numHeads;
    this.#angles = rotationAngles(width).filter((_, i) => i % 2 === 0);
    this.#decays = Float64Array.from(decayLogarithms(numHeads), Math.exp);
    this.cos = program.zeros(size);
    this.sin = this.cos.at(width / 2);
    this.inverseRootScale = this.cos.at(width);
    program.setUniforms({ to: this.cos, size, next: (values) => this.#next(values), mark: () => this.#mark() });
  }

  /** Continues after so many tokens; `scale` is that of texts that do not all start at one token. */
  continueAt(position: number, scale: Float32Array | undefined): void {
    this.position = position;
    this.scale = scale && Float64Array.from(scale);
  }

  #mark(): () => void {
    const { position, scale } = this; // never changed in place
    return () => {
      this.position = position;
      this.scale = scale;
    };
  }

  #next(values: Float32Array): void {
    const pairs = this.#angles.length;
    for (const [i, angle] of this.#angles.entries()) {
      values[i] = Math.cos(angle * this.position);
      values[pairs + i] = Math.sin(angle * this.position);
    }
    this.position++;
    const heads = this.#heads;
    this.scale = this.scale?.map((before, i) => (this.#decays[i % heads] as number) * before + 1);
    const scale = this.scale ?? retentionScale(heads, this.position);
    const first = 2 * pairs;
    for (let i = first; i < values.length; i++) values[i] = 1 / Math.sqrt(scale[(i - first) % scale.length] as number);
  }
}
