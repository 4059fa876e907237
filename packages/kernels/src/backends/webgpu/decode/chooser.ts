/// <reference types="@webgpu/types" />
import { type RunOptions, SsmError, type TokenChooser, type TokenRun } from '@densessm/ssm-core';
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';
import type { Arena } from './arena';
import { headOf, preferencesOf, variantOf } from './choice-head';
import { type ChoiceLayout, choiceLayout, MOST_TOKENS, MOST_VOCABULARY } from './choice-layout';
import { type ChoiceVariant, choiceDispatches, type UniformsPlace } from './choice-steps';
import { Commands } from './commands';
import type { Staging } from './staging';

const WORD_BYTES = 4;

/** The most tokens in one submit. A run begins with fewer: while the GPU computes those, the host submits the next. */
const MOST_AT_ONCE = 8;

/** What a chooser needs of its program. */
export interface ChoosingProgram {
  readonly where: string;
  readonly batch: number;
  readonly gpu: Gpu;
  readonly arena: Arena;
  readonly staging: Staging;
  /** Where the logits lie, and the ids of the tokens that are read next. */
  readonly logits: number;
  readonly slot: number;
  readonly vocabSize: number;
  readonly uniforms: readonly UniformsPlace[];
  /** Whether the logits are those after the last token. */
  readonly isCurrent: boolean;
  /** What one token takes. */
  commands(): Commands;
  /** Hands over what waits. @throws SsmError where nothing can be submitted */
  begin(): void;
  /** Values of the next token, those of each step behind one another. */
  nextUniforms(values: Float32Array): void;
  /** Remembers where in the text the values are; what comes back takes them there again. */
  mark(): () => void;
  submit(ids: ArrayLike<number>): void;
  readLogits(): Promise<Float32Array>;
}

/** Commands of a run, encoded ahead of it. */
interface Prepared {
  readonly key: string;
  readonly parts: readonly GPUCommandBuffer[];
  readonly staging: GPUBuffer;
}

/** The last run, to go back into. */
interface LastRun {
  readonly ids: Int32Array;
  readonly toStart: () => void;
}

/** Undefined where the device cannot bind what a choice needs. */
export function gpuChooser(program: ChoosingProgram): GpuChooser | undefined {
  const { batch, vocabSize: vocab, gpu } = program;
  const layout = choiceLayout({ batch, vocab, uniforms: program.uniforms.reduce((sum, { size }) => sum + size, 0) });
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
  const fits = layout.words * WORD_BYTES <= Math.min(maxStorageBufferBindingSize, maxBufferSize);
  return fits && vocab <= MOST_VOCABULARY ? new GpuChooser(program, layout) : undefined;
}

/**
 * {@link TokenChooser} on a GPU. All buffers of the program are copied when a run begins: to go back, the copy is taken back and the tokens are read again,
 * by the same dispatches, so that the bits are those of token by token.
 */
export class GpuChooser implements TokenChooser {
  readonly mostTokens = MOST_TOKENS;
  readonly #program: ChoosingProgram;
  readonly #layout: ChoiceLayout;
  readonly #choices = new Map<string, Commands>();
  #buffers: { readonly choice: GPUBuffer; readonly start: GPUBuffer } | undefined;
  #room: Promise<boolean> | undefined;
  #next: Prepared | undefined;
  /** Tokens of the last run: one of as many will follow, or else it grows. */
  #before = 0;
  #last: LastRun | undefined;
  #logits = new Float32Array();

  constructor(program: ChoosingProgram, layout: ChoiceLayout) {
    this.#program = program;
    this.#layout = layout;
  }

  async ready(): Promise<boolean> {
    this.#room ??= this.#takeRoom();
    const room = this.#room;
    try {
      return (await room) && this.#program.isCurrent;
    } catch (error) {
      if (this.#room === room) this.#room = undefined; // what failed may have been something else
      throw error;
    }
  }

  async run(options: RunOptions): Promise<TokenRun> {
    if (!(await this.ready())) throw notCurrent(this.#program.where);
    const { tokens, rules, logits = false } = options;
    const { gpu, staging, batch } = this.#program;
    this.#last = undefined;
    this.#program.begin();
    const last = { ids: new Int32Array(tokens * batch), toStart: this.#program.mark() };
    const variant = variantOf(rules, this.#layout.vocab);
    const prepared = this.#prepared(variant, options, last);
    for (const part of prepared.parts) {
      gpu.backend.device.queue.submit([part]);
      this.#last = last; // the first part keeps what all begin from
    }
    const reading = staging.read(prepared.staging, (bytes) => this.#resultOf(bytes, options));
    this.#next = this.#encode(variant, tokens === this.#before ? tokens : Math.min(2 * tokens, MOST_TOKENS), logits);
    this.#before = tokens;
    const result = await reading;
    last.ids.set(result.ids);
    return result;
  }

  /** The commands of a run, whose options are written. Where that fails nothing was done. */
  #prepared(variant: ChoiceVariant, options: RunOptions, { toStart }: LastRun): Prepared {
    const { tokens, logits = false } = options;
    try {
      this.#write(options, variant);
      return this.#taken(variant, tokens, logits) ?? this.#encode(variant, tokens, logits);
    } catch (error) {
      toStart();
      throw error;
    }
  }

  rewind(tokens: number): void {
    const { gpu, arena, batch } = this.#program;
    const [last, buffers] = [this.#last, this.#buffers];
    if (!last || !buffers) throw notCurrent(this.#program.where);
    this.#program.begin();
    const encoder = gpu.backend.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffers.start, 0, arena.buffer, 0, arena.buffer.size);
    gpu.backend.device.queue.submit([encoder.finish()]);
    last.toStart();
    for (let t = 0; t < tokens; t++) this.#program.submit(last.ids.subarray(t * batch, (t + 1) * batch));
  }

  logits(): Promise<Float32Array> {
    return this.#program.readLogits();
  }

  /** The last run is none to go back into any longer. */
  forget(): void {
    this.#last = undefined;
  }

  dispose(): void {
    this.#dropNext();
    this.forget();
    for (const commands of this.#choices.values()) commands.dispose();
    this.#choices.clear();
    this.#buffers?.choice.destroy();
    this.#buffers?.start.destroy();
    this.#buffers = undefined;
    this.#room = Promise.resolve(false);
  }

  /** Makes the buffers, and waits until it is known whether there was room for them. */
  async #takeRoom(): Promise<boolean> {
    const { gpu, arena, where } = this.#program;
    gpu.failures.check();
    const buffer = (size: number): GPUBuffer => gpu.backend.device.createBuffer({ label: where, size, usage: BUFFER_USAGE.storage });
    const buffers = { choice: buffer(this.#layout.words * WORD_BYTES), start: buffer(arena.buffer.size) };
    this.#buffers = buffers;
    try {
      for (const one of Object.values(buffers)) await gpu.bytesOf(one, 0, WORD_BYTES);
      return this.#buffers === buffers;
    } catch (error) {
      for (const one of Object.values(buffers)) one.destroy();
      this.#buffers = undefined;
      if (error instanceof SsmError && error.code === 'BACKEND') return false;
      throw error;
    }
  }

  /** Ahead of what is submitted from now on. */
  #write(options: RunOptions, { isPreferring }: ChoiceVariant): void {
    const { queue } = this.#program.gpu.backend.device;
    const { choice } = this.#buffers as { choice: GPUBuffer };
    queue.writeBuffer(
      choice,
      0,
      headOf(this.#layout, options, (values) => this.#program.nextUniforms(values)),
    );
    if (isPreferring) queue.writeBuffer(choice, WORD_BYTES * this.#layout.seen, preferencesOf(this.#layout, options));
  }

  #resultOf(bytes: ArrayBuffer, { tokens, logits }: RunOptions): TokenRun {
    const { batch, vocab } = this.#layout;
    const count = tokens * batch;
    const ids = Int32Array.from(new Int32Array(bytes, 0, count));
    if (!logits) return { ids };
    // copied, since a device that is lost takes its memory along; into one array for all runs, since the system takes long to find room as large as this
    const size = batch * vocab;
    if (this.#logits.length < tokens * size) this.#logits = new Float32Array(tokens * size);
    const all = this.#logits;
    all.set(new Float32Array(bytes, WORD_BYTES * count, tokens * size));
    return { ids, logits: (token) => all.subarray(token * size, (token + 1) * size) };
  }

  /** What was prepared, where it is what is wanted. */
  #taken(variant: ChoiceVariant, tokens: number, logits: boolean): Prepared | undefined {
    const next = this.#next;
    if (next?.key !== keyOf(variant, tokens, logits)) this.#dropNext();
    this.#next = undefined;
    return next?.key === keyOf(variant, tokens, logits) ? next : undefined;
  }

  #dropNext(): void {
    if (this.#next) this.#program.staging.giveBack(this.#next.staging);
    this.#next = undefined;
  }

  #encode(variant: ChoiceVariant, tokens: number, logits: boolean): Prepared {
    const { gpu, arena, batch } = this.#program;
    const { choice, start } = this.#buffers as { choice: GPUBuffer; start: GPUBuffer };
    const { ids, vocab } = this.#layout;
    const idBytes = WORD_BYTES * tokens * batch;
    const logitBytes = logits ? WORD_BYTES * batch * vocab : 0;
    const staging = this.#program.staging.take(idBytes + tokens * logitBytes);
    const parts: GPUCommandBuffer[] = [];
    for (let t = 0, size = 1; t < tokens; t += size, size = Math.min(2 * size, MOST_AT_ONCE)) {
      const encoder = gpu.backend.device.createCommandEncoder();
      if (t === 0) encoder.copyBufferToBuffer(arena.buffer, 0, start, 0, arena.buffer.size);
      const end = Math.min(t + size, tokens);
      this.#encodeTokens(encoder, variant, end - t, (done) => {
        if (logits) arena.copy(encoder, this.#program.logits, batch * vocab, staging, idBytes + (t + done) * logitBytes);
      });
      if (end === tokens) encoder.copyBufferToBuffer(choice, WORD_BYTES * ids, staging, 0, idBytes);
      parts.push(encoder.finish());
    }
    return { key: keyOf(variant, tokens, logits), parts, staging };
  }

  /** Tokens one after the other, `behind` each what is copied. */
  #encodeTokens(encoder: GPUCommandEncoder, variant: ChoiceVariant, tokens: number, behind: (done: number) => void): void {
    const [choice, token] = [this.#choiceOf(variant), this.#program.commands()];
    for (let t = 0; t < tokens; t++) {
      const pass = encoder.beginComputePass();
      choice.replay(pass);
      token.replay(pass);
      pass.end();
      behind(t);
    }
  }

  #choiceOf(variant: ChoiceVariant): Commands {
    const key = JSON.stringify(variant);
    const known = this.#choices.get(key);
    if (known) return known;
    const { gpu, arena, logits, slot, uniforms } = this.#program;
    const place = { buffer: (this.#buffers as { choice: GPUBuffer }).choice, layout: this.#layout, logits, slot, uniforms };
    const made = new Commands(gpu, choiceDispatches(variant, place), arena.buffer);
    this.#choices.set(key, made);
    return made;
  }
}

const keyOf = (variant: ChoiceVariant, tokens: number, logits: boolean): string => JSON.stringify([variant, tokens, logits]);

const notCurrent = (where: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: no run can begin here, or be gone back into.`,
    expected: 'a decoder after a step, a run or a rewind',
    got: 'one after another state was loaded, or before its first token',
    fix: 'await a step first; ask ready() whether a run can begin',
  });
