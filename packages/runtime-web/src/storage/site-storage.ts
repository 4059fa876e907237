/** How much of the browser's storage is used. */
export interface StorageRoom {
  /** Bytes that this site uses. */
  readonly used: number;
  /** Bytes that it may use; undefined where the browser does not say. */
  readonly quota: number | undefined;
  /** Whether the browser promised not to evict it when room gets scarce. */
  readonly isPersistent: boolean;
}

/** Asks the browser how much this site uses and may use. */
export async function storageRoom(): Promise<StorageRoom> {
  const { storage } = globalThis.navigator ?? {};
  const { usage = 0, quota } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
  const isPersistent = (await storage?.persisted?.().catch(() => false)) ?? false;
  return { used: usage, quota, isPersistent };
}
