/** How the twins that ship were trained, as it was logged. */
export interface RecordedRun {
  readonly steps: readonly number[];
  /** Moving averages of the training loss, nats per token. */
  readonly dense: readonly number[];
  readonly plain: readonly number[];
  readonly heldOut: { readonly dense: number; readonly plain: number };
  /** Read by each. */
  readonly tokens: number;
}

let read: Promise<RecordedRun | undefined> | undefined;

/** Undefined where it is missing: the page goes on without. */
export function readRecordedRun(): Promise<RecordedRun | undefined> {
  read ??= fetch('./recorded-run.json')
    .then((response) => (response.ok ? (response.json() as Promise<RecordedRun>) : undefined))
    .catch(() => undefined);
  return read;
}
