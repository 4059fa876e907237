import { isAbsolute, relative } from 'node:path';

/** A path as somebody in `cwd` would type it: relative where that is shorter. */
export function relativePath(cwd: string, path: string): string {
  const near = relative(cwd, path);
  return near !== '' && !near.startsWith('..') && !isAbsolute(near) ? near : path;
}
