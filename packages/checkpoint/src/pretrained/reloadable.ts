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
  let reloading: Promise<object> | undefined;
  const reload = async (): Promise<object> => {
    const about = await restart();
    const { params } = await load();
    disposeTree(loaded.params);
    loaded.params = params;
    onWarning(`The GPU's device was lost. The model was loaded again; texts go on from where they were. ${about}`);
    return params;
  };
  const after = async (lost: object): Promise<object> => {
    if (loaded.params !== lost) return loaded.params;
    reloading ??= reload().finally(() => {
      reloading = undefined;
    });
    return reloading;
  };
  const reloadable = {
    get current() {
      return loaded.params;
    },
    after,
  };
  return Object.assign(loaded, { reloadable });
}
