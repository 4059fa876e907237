import { getKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import type { KernelCheck } from './kernel-check';

/** The kernel that a check is of: it may be named after what is made of one, or after how it computes. */
const KERNEL_OF: Readonly<Record<string, string>> = {
  linearCrossEntropy: 'SsmLinearCrossEntropy',
  SsmLinear: 'SsmMatMul',
  selectiveScanShown: 'SsmSelectiveScan',
  SsmMatMulF16: 'SsmMatMul',
};

export const kernelOf = ({ name }: Pick<KernelCheck, 'name'>): string => KERNEL_OF[name] ?? name;

/** Whether a kernel is ours: an operation of tfjs that we replace has no reference. */
export const hasReference = (name: string): boolean => name.startsWith('Ssm');

/** Leaves a kernel to its reference on a backend. Whether it had another version there. */
export function switchOff(name: string, backend: string): boolean {
  if (!hasReference(name) || getKernel(name, backend) === undefined) return false;
  unregisterKernel(name, backend);
  return true;
}
