import { type KernelCheck, kernelChecks, kernelOf } from '@densessm/kernels/checks';
import { registerWebGpuKernels } from '@densessm/kernels/webgpu';
import { noteWrongKernels, startBackend } from '@densessm/runtime-node';
import { findBackend } from '@tensorflow/tfjs-core';
import manifest from '../../../package.json' with { type: 'json' };
import { usageError } from '../../errors';
import { EXIT, Exit, type Io } from '../../io';
import { formatBytes } from '../../output/numbers';
import { openProgress } from '../../output/progress';
import { alignPairs, alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { writeJson, writeLines } from '../shared';
import type { DoctorFlags } from './command';
import { type DeviceFacts, deviceFacts } from './device';
import { type KernelReport, kernelReports, withoutWrong } from './kernels';

export async function examine(io: Io, { device, json, kernels: names }: DoctorFlags): Promise<void> {
  const checks = checksNamed(names);
  await startBackend({ device: 'cpu' }); // the references run there
  const { backend, reason } = await startBackend({ device });
  const facts = await deviceFacts(io); // after the start, which may unlock what Node hides
  if (backend === 'webgpu') registerWebGpuKernels(findBackend('webgpu')); // those too that were switched off before
  const found = await check(io, backend, checks);
  const kernels = backend === 'webgpu' ? await withoutWrong(backend, checks, found) : found;
  const kept = backend === 'webgpu' && names === undefined ? keep(io, kernels) : undefined;
  const ok = kernels.every((one) => one.ok);
  if (json) writeJson(io, { version: manifest.version, device: facts, backend, reason, kernels: kernels.map(plain), ok });
  else writeLines(io, [...describe(facts, reason), '', ...table(io, kernels), '', verdict(kernels, backend), ...(kept ?? [])]);
  if (!ok) throw new Exit(EXIT.failure);
}

/** What is switched off stays off on this device. */
function keep({ env }: Io, kernels: readonly KernelReport[]): string[] {
  const off = kernels.filter(({ isOff }) => isOff).map(({ name }) => kernelOf({ name }));
  try {
    const path = noteWrongKernels([...new Set(off)], env as NodeJS.ProcessEnv);
    return path === undefined || off.length === 0
      ? []
      : [`They stay switched off on this device, by ${path}, until doctor finds them right.`];
  } catch (error) {
    return [`They are switched off only here, since that could not be kept: ${firstLine(error)}`];
  }
}

/** @throws SsmError OPTION for a name that no kernel has */
function checksNamed(names: readonly string[] | undefined): readonly KernelCheck[] {
  if (names === undefined) return kernelChecks;
  const unknown = names.find((name) => !kernelChecks.some((one) => titleOf(one.name) === name));
  if (unknown === undefined) return kernelChecks.filter((one) => names.includes(titleOf(one.name)));
  const known = kernelChecks.map((one) => titleOf(one.name)).join(', ');
  throw usageError('doctor: there is no such kernel.', known, unknown, 'take one of these names');
}

/** Without the prefix of tfjs's registry. */
const titleOf = (name: string): string => name.replace(/^Ssm/, '');

async function check(io: Io, backend: string, checks: readonly KernelCheck[]): Promise<KernelReport[]> {
  const progress = openProgress(io, { label: 'checking', unit: 'kernels' });
  const reports: KernelReport[] = [];
  for await (const report of kernelReports(backend, checks)) {
    reports.push(report);
    progress.update(reports.length, checks.length);
  }
  progress.end();
  return reports;
}

function describe(facts: DeviceFacts, reason: string): string[] {
  return alignPairs([
    ['densessm', manifest.version],
    ['node', facts.node],
    ['system', facts.system],
    ['processor', `${facts.cpu}, ${facts.cores} cores`],
    ['memory', `${formatBytes(facts.memoryBytes)}, ${formatBytes(facts.freeMemoryBytes)} of it free`],
    ['heap', `JavaScript may use ${formatBytes(facts.heapLimitBytes)}; tensors lie outside of it`],
    ['WebAssembly', features(facts)],
    ['cache', `${facts.cache.folder}${facts.cache.isWritable ? '' : ', which cannot be written to'}`],
    ['backend', reason],
  ]);
}

function features({ simd, relaxedSimd, threads, memory64 }: DeviceFacts): string {
  const all = { SIMD: simd, 'relaxed SIMD': relaxedSimd, threads, '64-bit memory': memory64 };
  const names = (has: boolean): string =>
    Object.entries(all)
      .filter(([, one]) => one === has)
      .map(([name]) => name)
      .join(', ');
  return `has ${names(true) || 'none of these'}${names(false) && `; lacks ${names(false)}`}`;
}

function table(io: Io, kernels: readonly KernelReport[]): string[] {
  const exponent = (value: number): string => (value === 0 ? '0' : Number.isFinite(value) ? value.toExponential(1) : 'none');
  const rows = kernels.map(({ name, comparisons, worst, ok, isOff }) => [
    titleOf(name),
    String(comparisons),
    exponent(worst.error),
    exponent(worst.bound),
    ok ? 'ok' : isOff ? 'WRONG, off' : 'WRONG',
    worst.error === 0 ? '' : `${worst.quantity}: ${worst.sample}${worst.cause === undefined ? '' : ` (${firstLine(worst.cause)})`}`,
  ]);
  return alignTable([['kernel', 'compared', 'worst error', 'bound', '', 'where'], ...rows], { right: [1, 2, 3], width: terminalWidth(io) });
}

function verdict(kernels: readonly KernelReport[], backend: string): string {
  const wrong = kernels.filter(({ ok }) => !ok).map(({ name }) => titleOf(name));
  if (wrong.length === 0)
    return `${kernels.length === 1 ? 'The kernel agrees with its reference' : `All ${kernels.length} kernels agree with their references`} on ${backend}.`;
  const off = kernels.filter(({ isOff }) => isOff).length;
  if (off === wrong.length)
    return `${wrong.length} of ${kernels.length} kernels are wrong on ${backend} and were switched off; their references compute rightly: ${wrong.join(', ')}. Please report it.`;
  return `${wrong.length} of ${kernels.length} kernels are wrong on ${backend}: ${wrong.join(', ')}. Please report it; --device cpu computes without them.`;
}

/** Infinity is no JSON. */
const plain = ({ worst, ...report }: KernelReport): object => ({
  ...report,
  worst: {
    ...worst,
    error: Number.isFinite(worst.error) ? worst.error : null,
    cause: worst.cause === undefined ? undefined : firstLine(worst.cause),
  },
});

const firstLine = (cause: unknown): string => String(cause instanceof Error ? cause.message : cause).split('\n', 1)[0] ?? '';
