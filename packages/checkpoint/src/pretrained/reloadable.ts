import { disposeTree } from '@densessm/ssm-core';
import type { LoadedModel } from './load';

export interface ReloadOptions {
  load(): Promise<LoadedModel>;
  /** Starts a device in the place of the one that was lost; a line about it. */
  restart(): Promise<string>;
  /** Hears that it was done. */
  onWarning(message: string): void;
}

/** Loads a model that is loaded again, into the same object, where its device was lost. */
export async function loadReloadable({ load, restart, onWarning }: ReloadOptions): Promise<LoadedModel> {
  const loaded = await load();
  let current = loaded.params;
  const own = new WeakSet<object>([current]);
  let reloading: Promise<object> | undefined;
  const reload = async (): Promise<object> => {
    const about = await restart();
    const { params } = await load();
    disposeTree(current);
    own.add(params);
    if (loaded.params === current) loaded.params = params;
    current = params;
    onWarning(`The GPU's device was lost. The model was loaded again; texts go on from where they were. ${about}`);
    return params;
  };
  const now = (params: object): object => (own.has(params) ? current : params);
  const after = async (lost: object): Promise<object | undefined> => {
    if (!own.has(lost)) return undefined;
    if (lost !== current) return current;
    reloading ??= reload().finally(() => {
      reloading = undefined;
    });
    return reloading;
  };
  return Object.assign(loaded, { reloadable: { now, after } });
}
