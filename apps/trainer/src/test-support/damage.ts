/** Damaged files for fuzzing: what disks, downloads and hostile people do to good ones. */
import fc from 'fast-check';

/** Some bytes changed, the end cut off, a stretch doubled, or zeros in the middle. */
export const damagedParquet = (whole: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const at = fc.nat(whole.length - 1);
  const changes = fc.array(fc.tuple(at, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  return fc.oneof(
    { weight: 6, arbitrary: changes.map((list) => changed(whole, list)) },
    { weight: 1, arbitrary: at.map((end) => whole.slice(0, end)) },
    { weight: 1, arbitrary: fc.tuple(at, at).map(([from, to]) => Buffer.concat([whole.subarray(0, from), whole.subarray(to)])) },
    { weight: 1, arbitrary: fc.tuple(at, at).map(([from, to]) => whole.slice().fill(0, Math.min(from, to), Math.max(from, to))) },
  );
};

function changed(whole: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = whole.slice();
  for (const [at, value] of changes) bytes[at] = value;
  return bytes;
}

const STRANGE = [null, 'x', '', -1, 1.5, 1e308, true, [], {}, [null], { x: 1 }, '9'.repeat(400)];

/** A JSON value of which one part, however deep, is removed or is of another kind. */
export function damagedJson(value: unknown): fc.Arbitrary<unknown> {
  const paths = pathsIn(value);
  return fc
    .tuple(fc.nat(paths.length - 1), fc.nat(STRANGE.length))
    .map(([which, strange]) => replaced(value, paths[which] ?? [], strange === STRANGE.length ? undefined : STRANGE[strange]));
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
