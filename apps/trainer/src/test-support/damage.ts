/** Damaged files for fuzzing: what disks, downloads and hostile people do to good ones. */

/** The next number from 0 up to 1. */
export type Random = () => number;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Some bytes changed, the end cut off, a stretch missing or doubled, or zeros in the middle. */
export function damagedBytes(whole: Uint8Array, random: Random): Uint8Array {
  const at = (): number => below(random, whole.length);
  const kind = below(random, 9);
  if (kind === 0) return whole.slice(0, at());
  if (kind === 1) return Buffer.concat([whole.subarray(0, at()), whole.subarray(at())]);
  if (kind === 2) {
    const [from, to] = [at(), at()];
    return whole.slice().fill(0, Math.min(from, to), Math.max(from, to));
  }
  return changed(
    whole,
    Array.from({ length: 1 + below(random, 4) }, () => [at(), below(random, 256)]),
  );
}

function changed(whole: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = whole.slice();
  for (const [at, value] of changes) bytes[at] = value;
  return bytes;
}

const STRANGE = [null, 'x', '', -1, 1.5, 1e308, true, [], {}, [null], { x: 1 }, '9'.repeat(400)];

/** A JSON value of which one part, however deep, is removed or is of another kind. */
export function damagedJson(value: unknown, random: Random): unknown {
  const paths = pathsIn(value);
  const strange = below(random, STRANGE.length + 1);
  return replaced(value, paths[below(random, paths.length)] ?? [], strange === STRANGE.length ? undefined : STRANGE[strange]);
}

type Path = readonly (string | number)[];

function pathsIn(value: unknown, before: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [before];
  return [before, ...Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...before, name]))].filter((path) => path.length > 0);
}

/** `undefined` removes the part. */
function replaced(value: unknown, [name, ...rest]: Path, by: unknown): unknown {
  if (name === undefined) return by;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string | number, unknown>)[name] = replaced((value as Record<string | number, unknown>)[name], rest, by);
  return copy;
}
