/** Who a process is, beyond its number: numbers are used again, and two machines or containers give out the same ones. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Of the running system, and of the table in which `pid` is a number; known on Linux. */
  readonly boot?: string;
  readonly namespace?: string;
  /** When the process started, in clock ticks since the boot. */
  readonly started?: string;
}

export function ownIdentity(): ProcessIdentity {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return { host: hostname(), pid: process.pid, boot, namespace, started: startOf(process.pid) };
}

/** Whether a process runs; undefined where that cannot be seen from here: on another machine, in another container. */
export function isRunning(one: ProcessIdentity, own = ownIdentity()): boolean | undefined {
  if (one.boot !== undefined && one.boot === own.boot && one.namespace === own.namespace)
    return one.started !== undefined && startOf(one.pid) === one.started;
  if (one.boot === undefined && own.boot === undefined && one.host === own.host && !isInUse(one.pid)) return false;
  return undefined;
}

/** proc(5): field 22 of stat, counted behind the name in parentheses, which may hold anything; field 3 is Z for a process that has ended. */
function startOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function isInUse(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
