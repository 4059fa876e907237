import type { DecodeProgram, Slot } from '@densessm/kernels/decode';
import type { HeadSizes } from './head-sizes';
import { decayLogarithms, retentionScale, rotationAngles } from './positions';

/** What depends on the positions of tokens and nothing else, as positions.ts has it, one token of each text at a time, for a decode program. */
export class PositionState {
  /** [B, K/2], of the tokens that are read now. */
  readonly cos: Slot;
  readonly sin: Slot;
  /** 1 / √scale, [B, H]. */
  readonly inverseRootScale: Slot;
  /** Tokens read so far, of each text. */
  readonly #positions: number[];
  /** Of each text the scales of its heads, once a state came with them; else they follow from the position. */
  readonly #scales: (Float64Array | undefined)[];
  readonly #heads: number;
  readonly #angles: Float32Array;
  readonly #decays: Float64Array;

  /** Records the step that sets the values. @throws SsmError BACKEND without room */
  constructor(program: DecodeProgram, { numHeads, keyDim }: HeadSizes) {
    const { batch } = program;
    const pairs = keyDim / numHeads / 2;
    const size = batch * (2 * pairs + numHeads);
    this.#heads = numHeads;
    this.#positions = Array<number>(batch).fill(0);
    this.#scales = Array<undefined>(batch).fill(undefined);
    this.#angles = rotationAngles(2 * pairs).filter((_, i) => i % 2 === 0);
    this.#decays = Float64Array.from(decayLogarithms(numHeads), Math.exp);
    this.cos = program.zeros(size);
    this.sin = this.cos.at(batch * pairs);
    this.inverseRootScale = this.cos.at(2 * batch * pairs);
    program.setUniforms({ to: this.cos, size, next: (values, rows) => this.#next(values, rows), mark: () => this.#mark() });
  }

  /** Of a row. */
  positionOf(row: number): number {
    return this.#positions[row] as number;
  }

  /** The scales [count, H] of rows; undefined where they follow from all their positions. */
  scalesOf(first: number, count: number): Float32Array | undefined {
    const rows = Array.from({ length: count }, (_, i) => first + i);
    if (rows.every((row) => this.#scales[row] === undefined)) return undefined;
    const ofRow = (row: number): Float64Array => this.#scales[row] ?? Float64Array.from(retentionScale(this.#heads, this.positionOf(row)));
    return Float32Array.from(rows.flatMap((row) => [...ofRow(row)]));
  }

  /** A row continues at a position, the number of tokens before it; `scale` [H] is given for a text that did not start at position 0. */
  continueAt(row: number, position: number, scale: Float32Array | undefined): void {
    this.#positions[row] = position;
    this.#scales[row] = scale && Float64Array.from(scale);
  }

  copyRow(from: number, to: number): void {
    this.#positions[to] = this.positionOf(from);
    this.#scales[to] = this.#scales[from]?.slice();
  }

  #mark(): () => void {
    const [positions, scales] = [[...this.#positions], [...this.#scales]]; // which are never changed in place
    return () => {
      for (const [row, position] of positions.entries()) {
        this.#positions[row] = position;
        this.#scales[row] = scales[row];
      }
    };
  }

  #next(values: Float32Array, rows: number): void {
    const [pairs, heads, batch] = [this.#angles.length, this.#heads, this.#positions.length];
    for (let row = 0; row < rows; row++) {
      const position = this.#positions[row] as number;
      for (const [i, angle] of this.#angles.entries()) {
        values[row * pairs + i] = Math.cos(angle * position);
        values[(batch + row) * pairs + i] = Math.sin(angle * position);
      }
      this.#positions[row] = position + 1;
      const own = this.#scales[row]?.map((before, head) => (this.#decays[head] as number) * before + 1);
      this.#scales[row] = own;
      const scale = own ?? retentionScale(heads, position + 1);
      const at = 2 * batch * pairs + row * heads;
      for (let head = 0; head < heads; head++) values[at + head] = 1 / Math.sqrt(scale[head] as number);
    }
  }
}
