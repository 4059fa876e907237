import { Replayed, runtimeOf } from '@densessm/kernels/internal';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
import { add, mul, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => (error instanceof SsmError ? error.message : Promise.reject(error)),
);
if (missing) process.stderr.write(`tests/webgpu-recorder.test.ts is skipped. ${missing}\n`);

describe.skipIf(missing)('recordings on WebGPU', () => {
  /** Tensors of more than a MiB: commands are handed over before memory for one is made, so that what is free by then depends on the pool. */
  const large = (value: number): Tensor => tensor(new Float32Array(2 ** 18 + 4).fill(value));
  const doubledFor =
    (times: number) =>
    (inputs: readonly Tensor[]): Tensor[] => {
      let x = mul(inputs[0] as Tensor, 1);
      for (let i = 0; i < times; i++) {
        const next = tidy(() => add(mul(x, 2), mul(x, 0)));
        x.dispose();
        x = next;
      }
      return [x];
    };

  it('are equal whatever memory was free before, and are not where other tensors are read', async () => {
    const recorder = runtimeOf()?.recorder;
    if (!recorder) throw new Error('the device records nothing');
    const given = large(3);
    const record = (run: (inputs: readonly Tensor[]) => Tensor[]) => recorder.record([given], run);
    const first = record(doubledFor(4));
    const second = record(doubledFor(4)); // while the first holds its memory
    first.dispose();
    const third = record(doubledFor(4)); // in the memory of the first
    expect([second.equals(third), second.equals(record(doubledFor(5)))]).toEqual([true, false]);
    const swapped = record(([x]) => [tidy(() => add(mul(x as Tensor, 2), mul(x as Tensor, 0)))]);
    const straight = record(([x]) => [tidy(() => add(mul(x as Tensor, 0), mul(x as Tensor, 2)))]);
    expect(swapped.equals(straight)).toBe(false);
    const other = large(5);
    third.replay([other]);
    const [[lent], [own]] = [third.outputs(), third.copies()] as [[Tensor], [Tensor]];
    expect((await lent.data())[7]).toBe(80);
    third.replay([given]);
    expect((await own.data())[7]).toBe(80);
    for (const one of [second, third, swapped, straight]) one.dispose();
    for (const one of [given, other, lent, own]) one.dispose();
  });

  it('do nothing where what waits to be handed over takes what they read away', async () => {
    const recorder = runtimeOf()?.recorder;
    if (!recorder) throw new Error('the device records nothing');
    let factor = mul(tensor([2]), 1); // on the device before anything is recorded
    const given = tensor([3]);
    const recording = recorder.record([given], ([x]) => [mul(x as Tensor, factor)]);
    expect(recording.replay([given])).toBe(true);
    const before = factor;
    factor = mul(factor, 5);
    before.dispose(); // it goes when the product was handed over
    expect([recording.isStale, recording.replay([given]), recording.isStale]).toEqual([false, false, true]);
    const calls = new Replayed();
    const read = async (): Promise<number> => {
      const [y] = calls.call([given], ([x]) => [mul(x as Tensor, factor)], { copies: true }) as [Tensor];
      const [value] = await y.data();
      y.dispose();
      return value as number;
    };
    const values: number[] = [];
    for (let i = 0; i < 10; i++) {
      if (i === 5) {
        const old = factor;
        factor = mul(factor, 7);
        old.dispose();
      }
      values.push(await read());
    }
    expect(values).toEqual([30, 30, 30, 30, 30, 210, 210, 210, 210, 210]);
    calls.dispose();
    for (const one of [given, factor]) one.dispose();
    recording.dispose();
  });
});
