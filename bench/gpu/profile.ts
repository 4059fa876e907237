import { findBackend } from '@tensorflow/tfjs-core';

/** What we use of tfjs's backend. */
interface Backend {
  readonly device: GPUDevice;
  endComputePassEncoder(): void;
}

const PAIRS = 2048;

/**
 * Time on the device by program: every dispatch of `run` gets a pass of its own with two timestamps. Slower than without; returns the number of dispatches
 * and the time of each program in ms, the longest first. With PROFILE=groups programs are told apart by their numbers of workgroups too.
 */
async function profiled(run: () => Promise<unknown>): Promise<[name: string, count: number, ms: number][]> {
  const backend = findBackend('webgpu') as unknown as Backend;
  const { device } = backend;
  const names: string[] = [];
  const sets: GPUQuerySet[] = [];
  let label = '';
  const encoders = Object.getPrototypeOf(device.createCommandEncoder()) as GPUCommandEncoder;
  const pass = Object.getPrototypeOf(device.createCommandEncoder().beginComputePass()) as GPUComputePassEncoder;
  const { beginComputePass } = encoders;
  const { dispatchWorkgroups, setPipeline } = pass;
  encoders.beginComputePass = function (this: GPUCommandEncoder) {
    const at = names.length;
    if (at % PAIRS === 0) sets.push(device.createQuerySet({ type: 'timestamp', count: 2 * PAIRS }));
    const querySet = sets[Math.floor(at / PAIRS)] as GPUQuerySet;
    const first = 2 * (at % PAIRS);
    names.push('none');
    return beginComputePass.call(this, {
      timestampWrites: { querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    } as never);
  };
  pass.setPipeline = function (this: GPUComputePassEncoder, pipeline) {
    label = pipeline.label;
    return setPipeline.call(this, pipeline);
  };
  pass.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...sizes) {
    dispatchWorkgroups.apply(this, sizes);
    names[names.length - 1] = process.env.PROFILE === 'groups' ? `${label} ${sizes.join(' × ')}` : label;
    backend.endComputePassEncoder();
  };
  try {
    await run();
  } finally {
    Object.assign(encoders, { beginComputePass });
    Object.assign(pass, { dispatchWorkgroups, setPipeline });
  }
  const times = await Promise.all(sets.map((set) => timesOf(device, set)));
  const found = new Map<string, [number, number]>();
  for (const [i, name] of names.entries()) {
    const own = times[Math.floor(i / PAIRS)] as BigInt64Array;
    const at = 2 * (i % PAIRS);
    const ms = Number((own[at + 1] as bigint) - (own[at] as bigint)) / 1e6;
    const [count, total] = found.get(name) ?? [0, 0];
    found.set(name, [count + 1, total + ms]);
  }
  return [...found].map(([name, [count, ms]]): [string, number, number] => [name, count, ms]).sort((a, b) => b[2] - a[2]);
}

/** The same in lines, and as a figure. */
export async function shares(run: () => Promise<unknown>) {
  const found = await profiled(run);
  const [dispatches, ms] = found.reduce(([n, sum], [, one, time]) => [n + one, sum + time], [0, 0]);
  console.log(`  ${dispatches} dispatches, ${ms.toFixed(1)} ms on the device`);
  const longest = found.slice(0, process.env.PROFILE === 'groups' ? 60 : 24);
  for (const [name, calls, time] of longest) console.log(`    ${time.toFixed(3).padStart(8)} ms  ${String(calls).padStart(5)}  ${name}`);
  return {
    ...{ dispatches, ms, programs: longest.map(([name]) => name) },
    ...{ times: longest.map(([, , time]) => time), counts: longest.map(([, calls]) => calls) },
  };
}

async function timesOf(device: GPUDevice, set: GPUQuerySet): Promise<BigInt64Array> {
  const size = 16 * PAIRS;
  const resolved = device.createBuffer({ size, usage: 0x0200 | 0x0004 }); // QUERY_RESOLVE, COPY_SRC
  const staging = device.createBuffer({ size, usage: 0x0001 | 0x0008 }); // MAP_READ, COPY_DST
  const encoder = device.createCommandEncoder();
  encoder.resolveQuerySet(set, 0, 2 * PAIRS, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  const times = new BigInt64Array(staging.getMappedRange().slice(0));
  for (const one of [resolved, staging]) one.destroy();

  return times;
}
