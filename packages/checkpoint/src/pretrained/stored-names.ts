/** What may be wrong with the names of stored tensors although all of the model's are there. */
import { leavesOf, type SpecTree, SsmError } from '@densessm/ssm-core';
import { shorten } from '../json';
import type { PartSource } from './shards';

/**
 * The same tensors without a prefix that all of their names share and the model's do not have: `_orig_mod.` of torch.compile, `module.` of
 * DistributedDataParallel, `model.` of a wrapper. The source itself where there is none.
 */
export function withoutPrefix(source: PartSource, spec: SpecTree): { source: PartSource; prefix: string } {
  const prefix = commonPrefix(source.tensors, spec);
  if (prefix === '') return { source, prefix };
  return {
    prefix,
    source: {
      tensors: new Map([...source.tensors].map(([name, entry]) => [name.slice(prefix.length), entry])),
      read: (name) => source.read(prefix + name),
      readPart: (name, first, count) => source.readPart(prefix + name, first, count),
    },
  };
}

/** Empty where one of the model's names stands as it is, or where a name has another beginning. */
function commonPrefix(tensors: PartSource['tensors'], spec: SpecTree): string {
  const known = new Set([...leavesOf(spec)].flatMap((leaf) => (leaf.kind === 'param' ? [leaf.name, ...leaf.aliases] : [leaf.name])));
  const names = [...tensors.keys()];
  const [first = ''] = names;
  if (names.some((name) => known.has(name))) return '';
  for (let dot = first.indexOf('.'); dot >= 0; dot = first.indexOf('.', dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    if (!names.every((name) => name.startsWith(prefix))) return '';
    if (names.some((name) => known.has(name.slice(prefix.length)))) return prefix;
  }
  return '';
}

/**
 * Names that an index has and no shard: of no consequence where the model does not need them (a part that was cut off, say).
 * @throws SsmError FILE where it does
 */
export function requireUnneeded(where: string, absent: readonly string[], tensors: PartSource['tensors'], spec: SpecTree): void {
  if (absent.length === 0) return;
  const isAbsent = new Set(absent);
  for (const leaf of leavesOf(spec)) {
    const names = leaf.kind === 'param' ? [leaf.name, ...leaf.aliases] : [];
    const needed = names.some((name) => tensors.has(name)) ? undefined : names.find((name) => isAbsent.has(name));
    if (needed === undefined) continue;
    throw new SsmError({
      code: 'FILE',
      what: `${where}: ${shorten(JSON.stringify(needed))} is not in its shard.`,
      expected: 'every tensor of the index',
      got: 'nothing under this name',
      fix: 'get the index and all of its shards again, from one place',
    });
  }
}

/**
 * Compares a config's layers with the number of stored tensors, before a tree of that many layers is built.
 * @throws SsmError WEIGHTS where the config has more layers than the file has tensors
 */
export function requireLayers(where: string, config: object, tensors: PartSource['tensors']): void {
  const layers = (config as { numHiddenLayers?: unknown }).numHiddenLayers;
  if (typeof layers !== 'number' || layers <= tensors.size) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `${where}: the config has more layers than the file has tensors.`,
    expected: `weights of ${layers} layers`,
    got: `${tensors.size} tensors`,
    fix: 'use the config.json that belongs to these weights',
  });
}
