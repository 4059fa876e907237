import { getKernel, type KernelFunc, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';

/** The replacements in place, by tfjs's name of the kernel, to tell them from tfjs's own. */
const replacements = new Map<string, KernelFunc>();

/** Replaces a kernel of tfjs on wasm, once; `make` is given tfjs's own for the cases that it leaves alone. */
export function replaceStock(kernelName: string, make: (stock: KernelFunc) => KernelFunc): void {
  const stock = getKernel(kernelName, 'wasm');
  if (stock === undefined || stock.kernelFunc === replacements.get(kernelName)) return;
  const kernelFunc = make(stock.kernelFunc);
  unregisterKernel(kernelName, 'wasm');
  registerKernel({ ...stock, kernelFunc });
  replacements.set(kernelName, kernelFunc);
}
