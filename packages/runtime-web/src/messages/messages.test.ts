import { SsmError } from '@densessm/ssm-core';
import { afterEach, describe, expect, it } from 'vitest';
import { connectWorker, type WorkerConnection } from './connect-worker';
import { type CommandHandlers, serveCommands } from './serve-commands';

type Toy = {
  double: { args: { values: Float32Array }; result: Float32Array; event: never };
  count: { args: { to: number }; result: string; event: number };
  fail: { args: { how: 'ssm' | 'abort' | 'other' }; result: never; event: never };
  last: { args: null; result: string; event: string };
  wait: { args: null; result: string; event: string };
};

let told = 0;
const handlers: CommandHandlers<Toy> = {
  double: ({ values }, { transfer }) => {
    const doubled = values.map((value) => 2 * value);
    transfer.push(doubled.buffer);
    return doubled;
  },
  count: async ({ to }, { signal, tell }) => {
    for (told = 0; told < to && !signal.aborted; told++) await tell(told);
    return signal.aborted ? 'cancelled' : 'all';
  },
  fail: ({ how }) => {
    if (how === 'other') throw Object.assign(new TypeError('no such thing'), { code: 'KIND' });
    if (how === 'abort') throw new DOMException('enough', 'AbortError');
    throw new SsmError({ code: 'OPTION', what: 'two\nlines.', expected: 'this', got: 'that', fix: 'so' });
  },
  last: async (_, { tell }) => {
    await tell('first');
    await tell('last');
    return 'done';
  },
  wait: async (_, { signal, tell }) => {
    await tell('waiting');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw signal.reason;
  },
};

let open: (() => void)[] = [];
afterEach(() => {
  for (const close of open) close();
  open = [];
});

function connected(): WorkerConnection<Toy> {
  const { port1, port2 } = new MessageChannel();
  // Node's ports carry the listeners of the standard; their type has not all of them
  serveCommands<Toy>(port2 as never, handlers);
  const connection = connectWorker<Toy>(port1 as never);
  open.push(() => {
    connection.dispose();
    port2.close();
  });
  return connection;
}

describe('commands of a worker', () => {
  it('move buffers in both directions', async () => {
    const values = Float32Array.of(1, 2, 3);
    const result = await connected().call('double', { values }, { transfer: [values.buffer] });
    expect([...result]).toEqual([2, 4, 6]);
    expect(values.length).toBe(0);
  });

  it('tell events on the way without waiting for the page', async () => {
    const events: number[] = [];
    await expect(connected().call('count', { to: 3 }, { onEvent: (event) => events.push(event) })).resolves.toBe('all');
    expect(events).toEqual([0, 1, 2]);
  });

  it('go no further than a page that iterates has asked for', async () => {
    const steps = connected().iterate('count', { to: 1000 });
    expect((await steps.next()).value).toBe(0);
    expect((await steps.next()).value).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toBe(1);
    await steps.return('broken off');
    await expect.poll(() => told).toBe(2);
  });

  it('hand over the last event of an aborted one, and then its result', async () => {
    const stop = new AbortController();
    const steps = connected().iterate('last', null, { signal: stop.signal });
    expect((await steps.next()).value).toBe('first');
    stop.abort();
    const rest = [await steps.next(), await steps.next()];
    expect(rest).toEqual([
      { value: 'last', done: false },
      { value: 'done', done: true },
    ]);
  });

  it('return to an iterating page what comes of them', async () => {
    const steps = connected().iterate('count', { to: 2 });
    const seen: unknown[] = [];
    for (let step = await steps.next(); ; step = await steps.next()) {
      seen.push(step.value);
      if (step.done) break;
    }
    expect(seen).toEqual([0, 1, 'all']);
  });

  it('throw in the page what they threw in the worker', async () => {
    const connection = connected();
    const ssm = await connection.call('fail', { how: 'ssm' }).catch((error: unknown) => error);
    expect(ssm).toBeInstanceOf(SsmError);
    expect(ssm).toMatchObject({ code: 'OPTION', message: 'two\nlines.\n  expected  this\n  got       that\n  fix       so' });
    await expect(connection.call('fail', { how: 'other' })).rejects.toMatchObject({
      name: 'TypeError',
      code: 'KIND',
      message: 'no such thing',
    });
    await expect(connection.call('fail', { how: 'abort' })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('end when the page aborts, with the reason that it gave', async () => {
    const stop = new AbortController();
    const onEvent = () => stop.abort(new Error('enough read'));
    await expect(connected().call('wait', null, { signal: stop.signal, onEvent })).rejects.toThrow('enough read');
    await expect(connected().call('wait', null, { signal: stop.signal })).rejects.toThrow('enough read');
  });

  it('have an error each when the worker is disposed of, and refuse later ones', async () => {
    const connection = connected();
    const waiting = connection.call('wait', null);
    connection.dispose();
    await expect(waiting).rejects.toMatchObject({ code: 'BACKEND' });
    await expect(connection.call('wait', null)).rejects.toThrow(/The worker has ended[\s\S]*disposed of/);
  });

  it('are refused by name where there is no such one', async () => {
    const connection = connected() as unknown as WorkerConnection<{ nothing: Toy['wait'] }>;
    await expect(connection.call('nothing', null)).rejects.toThrow(/no command "nothing"[\s\S]*double, count, fail, last, wait/);
  });

  it('throw at once for arguments that no message carries', async () => {
    const values = (() => undefined) as unknown as Float32Array;
    await expect(connected().call('double', { values })).rejects.toMatchObject({ name: 'DataCloneError' });
  });
});
