import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWorkerClient } from '../../web';
import { serveModels } from '../index';

afterEach(() => vi.unstubAllGlobals());

describe('a run in a browser without storage', () => {
  it('says once that nothing is kept', async () => {
    vi.stubGlobal('navigator', { hardwareConcurrency: 1 });
    const { port1, port2 } = new MessageChannel();
    serveModels({ end: port2 as never });
    const client = createWorkerClient({ worker: port1 as never, device: 'cpu' });
    const sizes = { hiddenSize: 8, numHiddenLayers: 1, stateSize: 2, batchSize: 1, blockSize: 12, maxSteps: 4 };
    const run = await client.train({
      text: { kind: 'stories', characters: 3000 },
      ...sizes,
      evalInterval: 0,
      sampleInterval: 0,
      start: false,
    });
    const notices: string[] = [];
    run.listen((event) => event.type === 'notice' && notices.push(event.message));
    await run.stepOnce();
    await run.pause();
    expect([await run.save(), await run.save()]).toEqual([0, 0]);
    expect(notices).toEqual([expect.stringMatching(/keeps nothing for this site/)]);
    client.dispose();
    port2.close();
  });
});
