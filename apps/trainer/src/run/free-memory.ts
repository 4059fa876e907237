import { freemem, totalmem } from 'node:os';

/** Node with its code and what else a run keeps outside of tensors. */
export const PROCESS_BYTES = 250e6;

/** Bytes that this machine, or the container on it, has left. */
export function freeMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return Math.min(freemem(), limit > 0 && limit < totalmem() ? limit : Number.POSITIVE_INFINITY);
}
