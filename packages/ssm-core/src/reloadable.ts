/** Params that can be loaded again after the device on which they lay was lost. */
export interface ReloadableParams {
  /** What stands in the place of params that were loaded: themselves unless they were lost. Other params stand for themselves. */
  now(params: object): object;
  /** Starts a device again and loads them onto it, unless that was done. Undefined for params that were not loaded here. */
  after(lost: object): Promise<object | undefined>;
}

/** Whether an error says that a device was lost, with all tensors on it. */
export const isDeviceLoss = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === 'LOST';
