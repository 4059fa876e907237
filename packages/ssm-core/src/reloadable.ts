/** Params that can be loaded again after the device on which they lay was lost. */
export interface ReloadableParams {
  /** As they are now. */
  readonly current: object;
  /** Starts a device again and loads them onto it, unless that was done: then `current` is not `lost` any longer. */
  after(lost: object): Promise<object>;
}

/** Whether an error says that a device was lost, with all tensors on it. */
export const isDeviceLoss = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === 'LOST';
