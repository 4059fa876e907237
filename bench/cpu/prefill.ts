import { type Figure, type Speed, speedOf } from './figures';
import { folderOf, smallMamba } from './models';
import { findPeers, KNOWN_PEERS } from './peers';
import { type ReaderProcess, startOurs } from './reader-process';
import { timeInTurns } from './rounds';
import type { Section } from './section';

/** Our weights, those of the peer, and what is aimed at. */
const PAIRS = [
  { dtype: 'f32', other: 'f32', aim: '≥ 1.5' },
  { dtype: 'int8', other: 'q8_0', aim: '≥ 1' },
] as const;

export const prefill: Section = {
  name: 'prefill',
  what: 'a whole prompt at once, beside llama.cpp',
  measure: async ({ options, work, notes }) => {
    const folder = await folderOf(work, smallMamba(options));
    const { found, missing } = findPeers(options, work, folder);
    for (const line of missing) notes.add(line);
    const peers = found.filter(({ prefills, dtype }) => prefills && PAIRS.some(({ other }) => other === dtype));
    const readers = new Map<string, ReaderProcess>();
    const threadsAtMost = Math.max(...options.threads);
    for (const { dtype } of PAIRS) readers.set(`ours ${dtype}`, await startOurs(folder, dtype, threadsAtMost, 'prefill'));
    for (const peer of peers) readers.set(peer.dtype, await peer.start());
    const figures: Figure[] = [];
    for (const threads of options.threads) {
      const speeds = await timePrompts(readers, threads, options);
      for (const { dtype, other, aim } of PAIRS) {
        const ours = speeds.get(`ours ${dtype}`) as Speed;
        const figure = { section: 'prefill', what: `Mamba-130M, ${options.prompt} tokens`, dtype, threads, unit: 'tokens/s', ours };
        for (const { name } of KNOWN_PEERS.filter((peer) => peer.prefills && peer.dtype === other))
          figures.push({ ...figure, against: { name: `${name} ${other}`, speed: speeds.get(other) }, aim });
      }
    }
    for (const reader of readers.values()) await reader.close();
    return figures;
  },
};

async function timePrompts(
  readers: ReadonlyMap<string, ReaderProcess>,
  threads: number,
  { seconds, prompt }: { seconds: number; prompt: number },
): Promise<Map<string, Speed>> {
  for (const reader of readers.values()) await reader.useThreads(threads);
  const names = [...readers.keys()];
  const times = await timeInTurns([...readers.values()], seconds, async (reader) => {
    await reader.ask('reset');
    return reader.ask(`prefill ${prompt}`);
  });
  return new Map(times.map((taken, i) => [names[i] ?? '', speedOf(prompt, taken)]));
}
