import { SsmError } from '@densessm/ssm-core';
import type { Dtype } from '../dtypes';
import { shorten } from '../json';

/** What a pickle of tensors is made of. Tuples are arrays; nothing here can be called. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | readonly PickleValue[]
  | PickleList
  | PickleDict
  | PickleGlobal
  | TorchStorage
  | TorchTensor;

export class PickleList {
  readonly items: PickleValue[] = [];
}

export class PickleDict {
  readonly entries = new Map<string | number, PickleValue>();
}

/** The name of something in Python, out of the closed list. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

export class TorchStorage {
  constructor(
    /** The entry `data/<key>` of the archive. */
    readonly key: string,
    readonly dtype: Dtype,
    /** Its number of elements. */
    readonly length: number,
  ) {}
}

/** A view of a storage; sizes, strides and offset count elements. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A pickle is a program: what we do not know, we do not do. */
export function refused(where: string, what: string, expected: string, got: string): SsmError {
  return new SsmError({
    code: 'FILE',
    what: `${where}: ${what}`,
    expected,
    got: shorten(got),
    fix: 'if you trust where the file comes from, load it in Python and save its tensors as safetensors; if not, keep away from it',
  });
}

/** A file that is broken rather than hostile. */
export function brokenFile(where: string, what: string, expected: string, got: string): SsmError {
  const fix = 'get the file again, or save it again with torch.save or, better, as safetensors';
  return new SsmError({ code: 'FILE', what: `${where}: ${what}`, expected, got: shorten(got), fix });
}

/** A short word for a value in an error. */
export function describeValue(value: PickleValue | undefined): string {
  if (value instanceof PickleGlobal) return value.name;
  if (value instanceof PickleDict) return `a dict of ${value.entries.size}`;
  if (value instanceof PickleList) return `a list of ${value.items.length}`;
  if (value instanceof TorchStorage || value instanceof TorchTensor) return 'a tensor';
  if (Array.isArray(value)) return `a tuple of ${value.length}`;
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
