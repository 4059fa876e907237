import { type Figure, type Speed, speedOf } from './figures';
import { folderOf, smallMamba } from './models';
import { findPeers } from './peers';
import { type ReaderProcess, startOurs } from './reader-process';
import { timeInTurns } from './rounds';
import type { Section } from './section';

const AIMS: Record<string, string> = { f32: '≥ 1.5', q8_0: '≥ 1' };

export const prefill: Section = {
  name: 'prefill',
  what: 'a whole prompt at once, beside llama.cpp',
  measure: async ({ options, work, notes }) => {
    const folder = await folderOf(work, smallMamba(options));
    const { found, missing } = findPeers(options, work, folder);
    for (const line of missing) notes.add(line);
    const peers = found.filter(({ prefills, dtype }) => prefills && AIMS[dtype] !== undefined);
    const readers = new Map<string, ReaderProcess>();
    readers.set('ours', await startOurs(folder, 'f32', Math.max(...options.threads), 'prefill'));
    for (const peer of peers) readers.set(peer.dtype, await peer.start());
    const figures: Figure[] = [];
    for (const threads of options.threads) {
      const speeds = await timePrompts(readers, threads, options);
      const ours = speeds.get('ours') as Speed;
      const figure = { section: 'prefill', what: `Mamba-130M, ${options.prompt} tokens`, dtype: 'f32', threads, unit: 'tokens/s', ours };
      if (peers.length === 0) figures.push(figure);
      for (const { name, dtype } of peers)
        figures.push({ ...figure, against: { name: `${name} ${dtype}`, speed: speeds.get(dtype) }, aim: AIMS[dtype] });
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
