/// <reference types="@webgpu/types" />
import { SsmError } from '@densessm/ssm-core';

/** A label as Dawn writes it into its messages. */
const LABEL = /(?:ShaderModule(?:Descriptor)?|ComputePipeline(?:Descriptor)?|BindGroup(?:Descriptor)?) "+([^"]+)"+/;

/** A device that was lost says so about when what waits for it fails. */
const LOST_WITHIN_MS = 100;
/** A page's own process gives reading up at once where its device goes away; the other one says so after what it has yet to do, as to compile shaders. */
const LOST_AFTER_READING_MS = 20_000;
/** In messages of commands that came to nothing because of something before them. */
const CONSEQUENCE = /\[?Invalid (Buffer|BindGroup|CommandBuffer)/;

/** Buffers that the device had no room for: each command that names one fails. */
const withoutRoom = new WeakSet<GPUBuffer>();
export const hasRoom = (buffer: GPUBuffer): boolean => !withoutRoom.has(buffer);

/**
 * Errors of a device. WebGPU throws none: a shader that does not compile and a command that is not valid leave results as they were, and are told to
 * a listener later. They are kept here, and thrown by the next call of a kernel or the next reading of a tensor, whichever comes first.
 */
export class DeviceFailures {
  private first: SsmError | undefined;
  private lostBecause: string | undefined;
  /** The last buffer that there was no room for. */
  private lacking: SsmError | undefined;
  /** Buffers that it is not known of whether there was room for them. */
  private asked = 0;
  /** What may come of lacking one of those. */
  private consequence: SsmError | undefined;
  /** Whether commands are being given up that lack a buffer. */
  private isGivingUp = false;
  /** Hands over what was recorded. */
  flush: () => void = () => undefined;
  /** Hears of buffers that there was no room for. */
  onLack: (buffer: GPUBuffer) => void = () => undefined;

  constructor(private readonly device: GPUDevice) {
    watchBuffers(device, (answer) => {
      this.asked++;
      void answer.then((lack) => {
        this.asked--;
        if (lack) this.addLack(lack);
        if (this.asked > 0) return;
        this.first ??= this.consequence;
        this.consequence = undefined;
      });
    });
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // what will be thrown need not be on the console as well
      this.add(event.error);
    });
    void device.lost.then(({ reason, message }) => {
      this.lostBecause = `${reason}: ${message}`;
    });
  }

  /** What a compiler says of a shader; where an error was told before, and names it too, that one stays. */
  async addCompilation(name: string, asked: Promise<GPUCompilationInfo>): Promise<void> {
    const told = await asked.catch(() => undefined); // the device was lost
    const error = told?.messages.find(({ type }) => type === 'error');
    if (error) this.first ??= refused(name, `line ${error.lineNum}: ${error.message}`);
  }

  /** @throws SsmError BACKEND once for what was kept, and LOST always after the device was lost */
  check(): void {
    if (this.lostBecause !== undefined) throw lost(this.lostBecause);
    const { first } = this;
    this.first = undefined;
    if (first === undefined) return;
    if (first === this.lacking) this.giveUp();
    throw first;
  }

  /** After something failed that waited for the device: throws what the device says of it. @throws SsmError BACKEND or LOST, or the error itself */
  async explain(error: unknown): Promise<never> {
    this.check();
    // nothing here unmaps a buffer that is being read
    const patience = (error as Error).name === 'AbortError' ? LOST_AFTER_READING_MS : LOST_WITHIN_MS;
    await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, patience))]);
    this.check();
    throw error;
  }

  private add(error: GPUError): void {
    const { message } = error;
    const isConsequence = CONSEQUENCE.test(message);
    if (isConsequence && this.isGivingUp) return;
    if (error.constructor.name === 'GPUOutOfMemoryError') this.first ??= outOfMemory('what was asked for', message);
    else if (isConsequence && this.asked > 0) this.consequence ??= refusedBy(message);
    else this.first ??= (isConsequence ? this.lacking : undefined) ?? refusedBy(message);
  }

  private addLack({ buffer, bytes, message }: Lack): void {
    this.lacking = outOfMemory(megabytes(bytes), message);
    this.consequence = undefined;
    this.first ??= this.lacking;
    this.onLack(buffer);
  }

  /** Commands that lack a buffer are handed over, so that those to come are valid; of what becomes of them was told. Errors come in order. */
  private giveUp(): void {
    this.isGivingUp = true;
    this.device.pushErrorScope('validation');
    this.flush();
    void this.device.popErrorScope().then(
      () => {
        this.isGivingUp = false;
      },
      () => undefined, // the device was lost
    );
  }
}

const refusedBy = (message: string): SsmError => refused(LABEL.exec(message)?.[1], message);

const refused = (name: string | undefined, message: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `webgpu: ${name ?? 'an operation'} failed on this device.`,
    expected: 'a valid shader and valid commands',
    got: message.trim().split('\n').slice(0, 3).join(' '),
    fix: "please report it with the device's name; device 'wasm' computes the same on the CPU",
  });

const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;

/** A buffer that there was no room for. */
interface Lack {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly message: string;
}

/** Refuses a buffer that the device never has room for, and tells of every other one, once it is known, whether there was no room for it. */
function watchBuffers(device: GPUDevice, onAsked: (answer: Promise<Lack | undefined>) => void): void {
  const make = device.createBuffer.bind(device);
  device.createBuffer = (described) => {
    const { size: bytes } = described;
    if (bytes > device.limits.maxBufferSize) throw tooLarge(bytes, device.limits.maxBufferSize);
    device.pushErrorScope('out-of-memory');
    const buffer = made(() => make(described), bytes);
    const answer = device.popErrorScope().then((error) => {
      if (error === null) return undefined;
      withoutRoom.add(buffer);
      return { buffer, bytes, message: error.message };
    });
    onAsked(answer.catch(() => undefined)); // the device was lost
    return buffer;
  };
}

/** A buffer that is to be mapped at once may be refused at once. */
function made(make: () => GPUBuffer, bytes: number): GPUBuffer {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw outOfMemory(megabytes(bytes), error.message);
    throw error;
  }
}

const tooLarge = (bytes: number, most: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'webgpu: the device has no buffers of this size.',
    expected: `at most ${megabytes(most)}`,
    got: megabytes(bytes),
    fix: 'take a smaller batch, shorter sequences or a smaller model',
  });

const outOfMemory = (wanted: string, message: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'webgpu: the device is out of memory.',
    expected: `room for ${wanted}`,
    got: `none: ${message.trim().split('\n')[0] ?? ''}`,
    fix: 'take a smaller batch, shorter sequences or a smaller model, or close other programs that use the GPU',
  });

const lost = (because: string): SsmError =>
  new SsmError({
    code: 'LOST',
    what: 'webgpu: the device was lost.',
    expected: 'a device that works',
    got: because,
    fix: 'call startBackend again for a new device; tensors on the lost one are gone, so load the model or resume the run',
  });
