import { leavesOf, type SpecTree } from '@densessm/ssm-core';

/** Learned tensors that differ only in the number of their layer. */
export interface ModuleRow {
  /** Name on disk, `*` for the layer's number. */
  readonly name: string;
  /** Of one of them; undefined where layers differ in it. */
  readonly shape: readonly number[] | undefined;
  readonly count: number;
  /** Values of all together. */
  readonly parameters: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** The learned tensors of a spec, those of all layers in one row. */
export function moduleRows(spec: SpecTree): ModuleRow[] {
  const rows = new Map<string, { shapes: Set<string>; shape: readonly number[]; count: number; parameters: number }>();
  for (const leaf of leavesOf(spec)) {
    if (leaf.kind !== 'param') continue;
    const name = leaf.name.replaceAll(/\.\d+(?=\.)/g, '.*');
    const row = rows.get(name) ?? { shapes: new Set<string>(), shape: leaf.shape, count: 0, parameters: 0 };
    row.shapes.add(leaf.shape.join());
    row.count++;
    row.parameters += sizeOf(leaf.shape);
    rows.set(name, row);
  }
  return [...rows].map(([name, { shapes, shape, count, parameters }]) => ({
    name,
    shape: shapes.size === 1 ? shape : undefined,
    count,
    parameters,
  }));
}

/** How a spec and what is stored agree: names of tensors. */
export interface StoredNames {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Compares names only: loading compares shapes as well. */
export function compareNames(spec: SpecTree, stored: Iterable<string>): StoredNames {
  const there = new Set(stored);
  const known = new Set<string>();
  const missing: string[] = [];
  for (const leaf of leavesOf(spec)) {
    const names = leaf.kind === 'param' ? [leaf.name, ...leaf.aliases] : [leaf.name];
    for (const name of names) known.add(name);
    if (leaf.kind === 'param' && !names.some((name) => there.has(name))) missing.push(leaf.name);
  }
  return { missing, unexpected: [...there].filter((name) => !known.has(name)) };
}
