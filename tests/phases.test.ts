import { describe, expect, it } from 'vitest';
import { runPhases } from '../scripts/lib/phases.mjs';

interface Recorded {
  text: string;
  names: string[];
  most: number;
}

/** Runs phases that take a turn of the event loop each, and fail where their name says so. */
async function record(plan: Record<string, string[]>, lanes: number): Promise<Recorded> {
  const recorded: Recorded = { text: '', names: [], most: 0 };
  let running = 0;
  const phases = Object.entries(plan).map(([name, after]) => ({
    name,
    after,
    run: async () => {
      recorded.most = Math.max(recorded.most, ++running);
      await new Promise((resolve) => setTimeout(resolve));
      running--;
      if (name.startsWith('throws')) throw new Error('no such file');
      const failed = name.startsWith('bad') ? 2 : 0;
      return { passed: name === 'absent' ? 0 : 1, failed, note: 'looked', output: 'line one\nline two' };
    },
  }));
  const write = (text: string) => {
    recorded.text += text;
    return true;
  };
  const stream = { isTTY: false, write } as unknown as NodeJS.WriteStream;
  const finished = await runPhases(phases, lanes, stream);
  return { ...recorded, names: finished.map(({ phase, outcome }) => `${phase.name} ${outcome.passed}/${outcome.failed}`) };
}

describe('the phases of npm test', () => {
  it('run after what they need, no more at once than there are lanes', async () => {
    const { names, most } = await record({ third: ['second'], first: [], second: ['first'], other: [], another: [] }, 2);
    expect(names.filter((name) => !/other/.test(name))).toEqual(['first 1/0', 'second 1/0', 'third 1/0']);
    expect(names.length).toBe(5);
    expect(most).toBe(2);
  });

  it('do not run after a failure, and count it', async () => {
    const { names, text } = await record({ bad: [], next: ['bad'], last: ['next'], apart: [] }, 1);
    expect(names).toEqual(['bad 1/2', 'next 0/1', 'apart 1/0', 'last 0/1']);
    expect(text).toMatch(/^FAIL {2}bad .*s\n\n {6}line one\n {6}line two\n\n/);
    expect(text).toMatch(/FAIL {2}next +not run, because bad failed/);
    expect(text).toMatch(/ok {4}apart +looked/);
  });

  it('tell what could not be checked from what passed', async () => {
    const { text } = await record({ absent: [], next: ['absent'] }, 1);
    expect(text).toMatch(/^- {5}absent .*\nok {4}next /);
  });

  it('go on where one throws', async () => {
    const { names, text } = await record({ throws: [], after: [] }, 1);
    expect(names).toEqual(['throws 0/1', 'after 1/0']);
    expect(text).toContain('Error: no such file');
  });
});
