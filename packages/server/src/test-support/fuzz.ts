import { seededRandom } from '@densessm/generate';
import type { Handler } from '../handler';
import { oddRequest } from './odd-bodies';

/** What hangs: no answer of a few tokens takes so long, however slow the machine. */
const MOST_MS = 300_000;
const AT_ONCE = 8;

/**
 * Sends odd requests, eight at a time; each must be answered in time, by a status that is not 500, and as an error in the API's form without a stack.
 * Returns how often each status came.
 * @throws Error that names seed, round and request
 */
export async function fuzz(handler: Handler, rounds: number, seed: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let round = next++; round < rounds; round = next++) {
      const status = await answered(handler, round, seed);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return statuses;
}

async function answered(handler: Handler, round: number, seed: number): Promise<number> {
  const { path, method, headers, body } = oddRequest(seededRandom(seed, round));
  const where = `seed ${seed}, round ${round}: ${method} ${path} ${JSON.stringify(headers)} ${body}`;
  const request = new Request(`http://localhost${path}`, { method, headers, ...(method !== 'GET' && { body }) });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in time to ${where}`)), MOST_MS);
  });
  try {
    const response = await Promise.race([handler.fetch(request), late]);
    const text = await Promise.race([response.text(), late]);
    if (response.status === 500 || /\n\s+at |"server_error"/.test(text))
      throw new Error(`${response.status} ${text.slice(0, 200)} to ${where}`);
    if (response.status >= 400 && typeof JSON.parse(text).error.message !== 'string') throw new Error(`no error in ${text} to ${where}`);
    return response.status;
  } finally {
    clearTimeout(timer);
  }
}
