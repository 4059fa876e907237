import { Worker } from 'node:worker_threads';
import { type BlockCalls, loadBuild, type Spawn, ThreadPool, threadSource } from '@densessm/kernels/wasm';
import { afterEach, describe, expect, it, vi } from 'vitest';

const SERVE = `${threadSource}
import { parentPort, workerData } from 'node:worker_threads';
serve(workerData, () => parentPort.postMessage('ready'));`;

/** Claims the last block of the first part, of {@link SIZE} and two threads. Words as in src/threads/thread.ts of the kernels. */
const CLAIM = `const words = new Int32Array(workerData.control, 0, 1024);
const [DONE, CLAIMS] = [16, 64];
const claim = () => {
  const claims = Atomics.load(words, CLAIMS);
  return (claims & 0xffff) === 1 && Atomics.compareExchange(words, CLAIMS, claims, claims + 1) === claims;
};`;

/** Ends itself as soon as it has claimed a block. */
const DIE = `import { parentPort, workerData } from 'node:worker_threads';
${CLAIM}
parentPort.postMessage('ready');
for (;;) if (claim()) process.exit(3);`;

/** Claims blocks, wakes the caller again and again with nothing done, and at last counts the block, without computing it. */
const WAKE = `import { parentPort, workerData } from 'node:worker_threads';
${CLAIM}
const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
parentPort.postMessage('ready');
for (;;) {
  if (!claim()) continue;
  for (let i = 0; i < 20; i++) pause(Atomics.notify(words, DONE));
  Atomics.add(words, DONE, 1);
  Atomics.notify(words, DONE);
}`;

const workers: Worker[] = [];

const spawning =
  (source: string): Spawn =>
  (start) => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: start, execArgv: [] });
    workers.push(worker);
    const ready = new Promise<void>((resolve, reject) => {
      worker.once('message', resolve);
      worker.on('error', reject);
      worker.once('exit', (code) => reject(new Error(`it ended with code ${code}`)));
    });
    return { ready, terminate: () => void worker.terminate() };
  };

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** Jobs in which a thread surely comes to claim a block, though it shares a core with everything else: a minute's. */
const MANY = 300_000;
/** Four blocks. */
const SIZE = 192;
const [A, B, C, D, SCRATCH] = [0, 1 << 20, 2 << 20, 3 << 20, 4 << 20] as const;

async function start(threads: number, { source = SERVE, patienceMs = 20_000 } = {}) {
  const build = await loadBuild(new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true }));
  const module = build.exports as Record<string, (...numbers: number[]) => number>;
  const values = (at: number) => new Float32Array(build.memory.buffer, at, SIZE * SIZE);
  values(A).forEach((_, i, a) => {
    a[i] = Math.sin(i);
  });
  values(B).forEach((_, i, b) => {
    b[i] = Math.cos(i);
  });
  const pool = await ThreadPool.start(build, { spawn: spawning(source), threads, patienceMs });
  const blocks = module.matMulBlocks?.(1, SIZE, SIZE, SIZE) as number;
  const bytes = module.matMulScratchBytes?.(SIZE, SIZE, SIZE) as number;
  const bitsOf = (at: number) => Buffer.from(values(at).slice().buffer);
  /** of a by B */
  const product = (a: number, to: number): BlockCalls => ({ kernel: 'matMul', blocks, given: [a, B, to, 1, SIZE, SIZE, SIZE, 0, 0, 0] });
  const multiply = (at = C): Buffer => {
    pool.run(product(A, at), SCRATCH, bytes);
    return bitsOf(at);
  };
  const play = (plan: readonly BlockCalls[], at: number): Buffer => {
    pool.runAll(plan, SCRATCH, bytes);
    return bitsOf(at);
  };
  return { pool, product, multiply, play, values };
}

describe('ThreadPool', () => {
  it('gives the same bits with any number of threads, job after job', async () => {
    const alone = (await start(1)).multiply();
    expect(alone.some((value) => value !== 0)).toBe(true);
    for (const threads of [2, 3]) {
      const { pool, multiply, values } = await start(threads);
      expect(pool.threads).toBe(threads);
      for (let job = 0; job < 20; job++) {
        values(C).fill(Number.NaN);
        expect(multiply().equals(alone)).toBe(true);
      }
      pool.close();
    }
  });

  it('plays kernels one after the other, with the same bits on any number of threads', async () => {
    const once = await start(1);
    const [ab, abb] = [once.multiply(), once.play([once.product(C, D)], D)];
    for (const threads of [1, 2, 3]) {
      const { pool, product, play, values } = await start(threads);
      const [forth, back] = [
        [product(A, C), product(C, D)],
        [product(A, D), product(D, C)],
      ];
      for (let job = 0; job < 20; job++) {
        for (const at of [C, D]) values(at).fill(Number.NaN);
        expect(play(forth, D).equals(abb)).toBe(true);
        expect(play(forth, C).equals(ab)).toBe(true);
        expect(play(back, C).equals(abb)).toBe(true);
      }
      pool.close();
      expect(play(back, D).equals(ab)).toBe(true);
    }
  });

  it.each([
    ['kernels', 9000, 1],
    ['blocks', 3, 40_000],
  ])('plays more %s than one job can have', async (_, count, blocks) => {
    const { pool, play, values } = await start(2);
    for (const [at, value] of [
      [A, 1],
      [B, 1],
      [C, 0],
    ] as const)
      values(at)[0] = value;
    const addOne: BlockCalls = { kernel: 'packedLinear', blocks: 1, given: [0, B, A, 1, 0, C, 1, 1, 1, 1, A] };
    const idle: BlockCalls = { kernel: 'packActivations', blocks, given: [A, 32, D, 1, 32] }; // blocks behind the first have no row
    play(Array.from({ length: count }, () => [addOne, idle]).flat(), C);
    expect(values(C)[0]).toBe(count);
    pool.close();
  });

  it('says which kernel failed and why, and goes on', async () => {
    const { pool, multiply } = await start(2);
    const beyond = 256 * 65536; // outside of the memory
    expect(() => multiply(beyond)).toThrow(/a block of matMul failed[\s\S]*memory access out of bounds/);
    expect(multiply().some((value) => value !== 0)).toBe(true);
    pool.close();
  });

  it('does not miss a thread that ends between jobs', async () => {
    const { multiply } = await start(3);
    const before = multiply();
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(multiply().equals(before)).toBe(true);
  });

  it('makes a thread that ends in the middle of a block an error, then works alone', async () => {
    const alone = (await start(1)).multiply();
    const { pool, multiply } = await start(2, { source: DIE, patienceMs: 300 });
    const many = () => {
      for (let job = 0; job < MANY; job++) multiply();
    };
    expect(many).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: threads: a thread ended in the middle of its work.
        expected  every block within 0.3 s
        got       1 blocks missing; the result is not to be used
        fix       compute it again: from now on one thread works alone; start anew for more]
    `);
    expect(pool.threads).toBe(1);
    expect(multiply().equals(alone)).toBe(true);
  });

  it('waits on where it is woken before a block is done', async () => {
    const { multiply, values } = await start(2, { source: WAKE });
    let claimed = false;
    for (let job = 0; job < MANY && !claimed; job++) {
      values(C).fill(Number.NaN);
      multiply();
      claimed = values(C).some(Number.isNaN);
    }
    expect(claimed).toBe(true);
  });

  it('does not take the time in which its process was stopped for a thread that has ended', async () => {
    const { pool, multiply, values } = await start(2, { source: WAKE, patienceMs: 1e7 });
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1e8)); // as if it were stopped between any two looks
    try {
      let claimed = false;
      for (let job = 0; job < MANY && !claimed; job++) {
        values(C).fill(Number.NaN);
        multiply();
        claimed = values(C).some(Number.isNaN);
      }
      expect([claimed, pool.threads]).toEqual([true, 2]);
    } finally {
      clock.mockRestore();
    }
  });

  it('tells of a worker that does not start', async () => {
    await expect(start(3, { source: 'throw new Error("no room")' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: threads: a worker did not start.
        expected  2 workers beside this thread
        got       Error: no room
        fix       ask for fewer threads, or for 1]
    `);
  });

  it('computes alone after it is closed', async () => {
    const { pool, multiply } = await start(2);
    const before = multiply();
    pool.close();
    expect(multiply().equals(before)).toBe(true);
  });
});
