/** Numbers in one typed array that doubles when it is full. */
export class GrowingNumbers {
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** Those pushed so far, not a copy. */
  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}
