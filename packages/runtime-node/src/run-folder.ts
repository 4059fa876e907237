import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where in the folder of a training run models lie, the better one first; checkpoint.old is what a run leaves that ends while it saves. */
const IN_RUNS = ['best', 'checkpoint', 'checkpoint.old'] as const;

/** The folder that holds the model: the given one, or, for the folder of a training run, that of its best model, else its last. */
export async function modelFolder(path: string): Promise<string> {
  if (await isFile(join(path, 'config.json'))) return path;
  for (const name of IN_RUNS) if (await isFile(join(path, name, 'config.json'))) return join(path, name);
  return path;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
