import { checkKernel, type KernelCheck, type KernelDeviation, kernelOf, switchOff } from '@densessm/kernels/checks';

/** A kernel on the user's device. */
export interface KernelReport {
  readonly name: string;
  /** What was compared: outputs and gradients of all samples. */
  readonly comparisons: number;
  /** The comparison that came nearest to its bound or went farthest beyond it. */
  readonly worst: KernelDeviation;
  readonly ok: boolean;
  /** Whether it was left to its reference, which computes rightly. */
  readonly isOff?: boolean;
}

/** Compares kernels with their references on a backend that has started, as cpu must have. Yields as each is done. */
export async function* kernelReports(backend: string, checks: readonly KernelCheck[]): AsyncGenerator<KernelReport> {
  for (const check of checks) {
    const found: KernelDeviation[] = [];
    for await (const one of checkKernel(check, backend)) found.push(one);
    const [first, ...others] = found;
    if (first === undefined) continue;
    const worst = others.reduce((most, one) => (shareOf(one) > shareOf(most) ? one : most), first);
    yield { name: check.name, comparisons: found.length, worst, ok: found.every(isWithin) };
  }
}

/** Leaves the kernels that are wrong to their references, and says of which ones these are right. */
export async function withoutWrong(
  backend: string,
  checks: readonly KernelCheck[],
  reports: readonly KernelReport[],
): Promise<KernelReport[]> {
  const wrong = new Set(reports.filter(({ ok }) => !ok).map(({ name }) => name));
  const without = checks.filter((one) => wrong.has(one.name));
  for (const one of without) switchOff(kernelOf(one), backend);
  const isOff = new Map<string, boolean>();
  for await (const { name, ok } of kernelReports(backend, without)) isOff.set(name, ok);
  return reports.map((report) => (wrong.has(report.name) ? { ...report, isOff: isOff.get(report.name) === true } : report));
}

const isWithin = ({ error, bound }: KernelDeviation): boolean => error <= bound;

/** Of the bound; nothing at all is nearer than something. */
const shareOf = ({ error, bound }: KernelDeviation): number => (error === 0 ? 0 : error / bound);
