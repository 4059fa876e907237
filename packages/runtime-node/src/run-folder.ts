import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where in the folder of a training run models lie, the better one first; .old is what a run leaves that ends while it saves. */
const IN_RUNS = ['best', 'best.old', 'checkpoint', 'checkpoint.old'] as const;

/**
 * The folder that holds the model: the given one, or, for the folder of a training run, that of its best model, else its last. A folder that
 * a run which ended while saving left as `<path>.old` is found too.
 */
export async function modelFolder(path: string): Promise<string> {
  for (const folder of [path, ...IN_RUNS.map((name) => join(path, name))]) if (await isFile(join(folder, 'config.json'))) return folder;
  return (await isFile(join(`${path}.old`, 'trainer.json'))) ? `${path}.old` : path;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
