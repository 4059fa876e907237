/// <reference types="@webgpu/types" />
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';
import type { StepDispatch } from './step';

/** The offset of a uniform binding is a multiple of it. */
const UNIFORM_ALIGNMENT = 256;

interface Recorded {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly groups: readonly [x: number, y: number];
}

/** Dispatches with their numbers and buffers bound once, to be encoded again and again. */
export class Commands {
  readonly #gpu: Gpu;
  readonly #uniforms: GPUBuffer;
  readonly #recorded: readonly Recorded[];

  constructor(gpu: Gpu, steps: readonly StepDispatch[], arena: GPUBuffer) {
    this.#gpu = gpu;
    const blocks = steps.map(uniformsOf);
    const offsets: number[] = [];
    let end = 0;
    for (const { byteLength } of blocks) {
      offsets.push(end);
      end += UNIFORM_ALIGNMENT * Math.ceil(byteLength / UNIFORM_ALIGNMENT);
    }
    const all = new Uint8Array(Math.max(end, UNIFORM_ALIGNMENT));
    for (const [i, block] of blocks.entries()) all.set(new Uint8Array(block), offsets[i] as number);
    const { device } = gpu.backend;
    this.#uniforms = device.createBuffer({ label: 'decode steps', size: all.length, usage: BUFFER_USAGE.uniform });
    device.queue.writeBuffer(this.#uniforms, 0, all);
    this.#recorded = steps.map((step, i) => {
      const uniform = { buffer: this.#uniforms, offset: offsets[i] as number, size: (blocks[i] as ArrayBuffer).byteLength };
      return this.#record(step, uniform, arena);
    });
  }

  /** One pass of all dispatches. */
  encode(): GPUCommandBuffer {
    const encoder = this.#gpu.backend.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.replay(pass);
    pass.end();
    return encoder.finish();
  }

  /** All dispatches, in a pass. */
  replay(pass: GPUComputePassEncoder): void {
    let last: GPUComputePipeline | undefined;
    for (const { pipeline, bindGroup, groups } of this.#recorded) {
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...groups);
    }
  }

  dispose(): void {
    this.#uniforms.destroy();
  }

  #record({ program, inputs = {}, choice, groups }: StepDispatch, uniform: GPUBufferBinding, arena: GPUBuffer): Recorded {
    const { pipeline, layout } = this.#gpu.compile(program);
    const buffers = [...Object.keys(program.inputs).map((name) => inputs[name] as GPUBuffer), arena, ...(choice ? [choice] : [])];
    const entries = [uniform, ...buffers.map((buffer) => ({ buffer }))].map((resource, binding) => ({ binding, resource }));
    const bindGroup = this.#gpu.backend.device.createBindGroup({ label: program.name, layout, entries });
    const widest = this.#gpu.limits.maxComputeWorkgroupsPerDimension;
    return { pipeline, bindGroup, groups: [Math.min(groups, widest), Math.ceil(groups / widest)] };
  }
}

/** The struct that `wgslOf` declares. */
function uniformsOf({ program, params, groups }: StepDispatch): ArrayBuffer {
  const fields = [
    ['u32', groups] as const,
    ...Object.entries(program.params).map(([name, type]) => [type, params[name] as number] as const),
  ];
  const view = new DataView(new ArrayBuffer(16 * Math.ceil(fields.length / 4)));
  for (const [i, [type, value]] of fields.entries()) {
    if (type === 'f32') view.setFloat32(4 * i, value, true);
    else view.setUint32(4 * i, value, true);
  }
  return view.buffer;
}
