/// <reference types="@webgpu/types" />
/** What a binding or a parameter holds. */
export type Element = 'f32' | 'i32' | 'u32' | 'vec4<f32>' | 'vec4<u32>';

/** One compute shader. Every object is compiled once per device, so that a variant is made once and kept: see {@link variants}. */
export interface Program {
  /** The kernel it belongs to, which errors name. */
  readonly name: string;
  /** Storage buffers that are read, by name in WGSL. */
  readonly inputs: Readonly<Record<string, Element>>;
  /** Storage buffers that are written; a program writes every element. */
  readonly outputs: Readonly<Record<string, Element>>;
  /** Numbers of a dispatch, as `p.name` in WGSL. */
  readonly params: Readonly<Record<string, 'u32' | 'i32' | 'f32'>>;
  /** Invocations of a workgroup. */
  readonly size: number;
  /** Extensions of WGSL that it needs, before all else. */
  readonly head?: string;
  /** Further built-in inputs of the entry point. */
  readonly builtins?: string;
  /** Whether an invocation touches, of operands of `count` values, only its own: then the program runs on a part of them as well. */
  readonly isPointwise?: boolean;
  /** Functions and workgroup variables. */
  readonly declarations?: string;
  /** The body of the entry point: `group` is the number of the workgroup, `lane` that of the invocation in it. */
  readonly main: string;
}

/**
 * The WGSL of a program. A dispatch of more workgroups than one dimension holds goes to two, of which the last workgroups have nothing to do: they
 * leave together, before any barrier.
 */
export function wgslOf({ inputs, outputs, params, size, head = '', builtins, declarations = '', main }: Program): string {
  const bindings = [
    ...Object.entries(inputs).map(([name, of]) => `var<storage, read> ${name}: array<${of}>;`),
    ...Object.entries(outputs).map(([name, of]) => `var<storage, read_write> ${name}: array<${of}>;`),
  ];
  return `${head}
struct Params { groups: u32, ${Object.entries(params)
    .map(([name, type]) => `${name}: ${type}`)
    .join(', ')} }
@group(0) @binding(0) var<uniform> p: Params;
${bindings.map((binding, i) => `@group(0) @binding(${i + 1}) ${binding}`).join('\n')}
${declarations}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) counts: vec3<u32>, @builtin(local_invocation_index) lane: u32${builtins ? `, ${builtins}` : ''}) {
  let group = wid.x + wid.y * counts.x;
  if (group >= p.groups) { return; }
${main}
}
`;
}

/** Makes a program for each set of choices once. */
export function variants<Choice extends object>(make: (choice: Choice) => Program): (choice: Choice) => Program {
  const made = new Map<string, Program>();
  return (choice) => {
    const key = JSON.stringify(choice);
    const known = made.get(key) ?? make(choice);
    made.set(key, known);
    return known;
  };
}

/** Invocations of a workgroup that each compute one element: as many as every device has, since starting a workgroup takes its time. */
export const ELEMENTS = 256;

/** A program that computes one element in each invocation: `main` has its index as `i`, below `p.count`. */
export function elementwise(program: Omit<Program, 'size'>): Program {
  const main = `  let i = group * ${ELEMENTS} + lane;\n  if (i >= p.count) { return; }\n${program.main}`;
  return { ...program, params: { count: 'u32', ...program.params }, size: ELEMENTS, main };
}

/** A pointwise program: invocation `i` reads and writes value `i` of each operand that has `count` values; other operands may be read anywhere. */
export const pointwise = (program: Omit<Program, 'size'>): Program => ({ ...elementwise(program), isPointwise: true });

const COMPUTE = 4; // GPUShaderStage.COMPUTE, which exists only where WebGPU does

/** The bindings of a program, in the order of {@link wgslOf}. */
export function layoutOf({ inputs, outputs }: Program): GPUBindGroupLayoutEntry[] {
  const types: GPUBufferBindingType[] = [
    'uniform',
    ...Object.keys(inputs).map((): GPUBufferBindingType => 'read-only-storage'),
    ...Object.keys(outputs).map((): GPUBufferBindingType => 'storage'),
  ];
  return types.map((type, binding) => ({ binding, visibility: COMPUTE, buffer: { type } }));
}
