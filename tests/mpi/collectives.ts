/** What every rank of a test does; rank 0 writes what came of it as a line of JSON. */

import { endProcess, isSameEverywhere, openMpi, tell } from '@densessm/distributed';
import { SsmError } from '@densessm/ssm-core/plain';

const [task = 'collectives'] = process.argv.slice(2);
const world = await openMpi({ communicationTimeout: task === 'silence' ? 1 : 60 });
const { rank, size } = world;

const summed = async (length: number) => {
  const values = Float32Array.from({ length }, (_, i) => (rank + 1) * 0.5 + (i % 7));
  await world.allReduce(values);
  const expected = (i: number): number => (size * (size + 1)) / 4 + size * (i % 7);
  return values.every((value, i) => value === expected(i));
};

async function collectives() {
  const sums = [];
  for (const length of [1, 7, 2 ** 14 - 1, 2 ** 14, 2 ** 18, 2 ** 18 + 3, 2 ** 19 + 1]) sums.push(await summed(length));
  const together = await Promise.all([summed(3), summed(2 ** 18 + 1), summed(5)]); // made at once, done in this order
  const extremes = Int32Array.of(rank, -rank);
  await world.allReduce(extremes, 'max');
  const bytes = new Uint8Array(2 ** 20 + 5).fill(rank + 1);
  await world.broadcast(bytes, size - 1);
  const told = await tell(world, rank === 0 ? { said: 'ünïcode' } : undefined);
  const same = [await isSameEverywhere(world, 0.1), await isSameEverywhere(world, rank === 1 ? 0.2 : 0.1)];
  await world.barrier();
  const { traffic } = world;
  if (rank === size - 1)
    // not the one whose array was sent
    process.stdout.write(
      `${JSON.stringify({ size, sums, together, extremes: [...extremes], bytes: bytes.every((one) => one === size), told, same, isCounted: traffic.bytes > 2 ** 22 })}\n`,
    );
  await world.close();
}

/** Rank 1 never comes: small calls and large ones give up after a second, and the process can end. */
async function silence() {
  if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 60_000));
  try {
    await world.allReduce(new Float32Array(process.argv[3] === 'large' ? 2 ** 20 : 4));
  } catch (error) {
    if (error instanceof SsmError) process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
    await endProcess(17);
  }
}

await (task === 'silence' ? silence() : collectives());
