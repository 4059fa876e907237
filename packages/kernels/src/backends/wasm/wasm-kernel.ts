import { SsmError } from '@densessm/ssm-core';
import type { ArgumentsOf, Fields } from '../../kernel-fields';

/** What a build exports. A size above 2 GiB comes as a negative number. */
export type WasmExports = Readonly<Record<string, (...numbers: number[]) => number>>;

/** An address may stand for a tensor. */
export type WasmArguments<F extends Fields> = ArgumentsOf<F, number>;

/** The name of an export that computes a size of a call, and the fields that it is given. */
export type SizeExport<Field extends string = string> = readonly [name: string, ...given: Field[]];

/** An export of an assembly: its parameters in order, and the exports that say into how many blocks it cuts its work and what scratch each needs. */
export interface AnyWasmKernel {
  readonly name: string;
  readonly fields: Fields;
  /** Left out where it computes everything in one call. Otherwise its last parameter is `block`. */
  readonly blocks?: SizeExport;
  /** In bytes. Where it is there, `scratch` follows `block`. */
  readonly scratch?: SizeExport;
}

export interface WasmKernel<F extends Fields> extends AnyWasmKernel {
  readonly fields: F;
}

interface Sizes<Field extends string> {
  readonly blocks?: SizeExport<Field>;
  readonly scratch?: SizeExport<Field>;
}

/** Declares an export of an assembly. Its fields are checked against the build when the backend starts, and against the source in a test. */
export const wasmKernel = <const F extends Fields>(name: string, fields: F, sizes: Sizes<keyof F & string> = {}): WasmKernel<F> => ({
  name,
  fields,
  ...sizes,
});

/** @throws SsmError BACKEND where a build exports something else than a kernel declares */
export function checkExports(module: WasmExports, { name, fields, blocks, scratch }: AnyWasmKernel): void {
  const parameters = Object.keys(fields).length + (blocks ? 1 : 0) + (scratch ? 1 : 0);
  const check = (exported: string, wanted: number): void => {
    const got = module[exported]?.length;
    if (got !== wanted) throw misfit(exported, wanted, got);
  };
  check(name, parameters);
  for (const [exported, ...given] of [blocks, scratch].filter((size) => size !== undefined)) check(exported, given.length);
}

const misfit = (name: string, wanted: number, got: number | undefined): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `registerWasmKernels: the build does not export \`${name}\` as it is declared.`,
    expected: `${wanted} parameters`,
    got: got === undefined ? 'nothing' : `${got} parameters`,
    fix: 'build the WebAssembly of @densessm/kernels again: node scripts/build-wasm.mjs',
  });
