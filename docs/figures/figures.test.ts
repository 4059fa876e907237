import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../scripts/lib/command.mjs';
import { FIGURES } from '.';
import { fused, gate, own } from './dense-gate';
import { startValues } from './figure';
import { attention, steps } from './hidden-attention';
import { figureMarkup } from './markup';
import { stateBytes } from './memory';
import { reach } from './retention-decay';
import { scan } from './selective-scan';
import { decays } from './state-space-duality';
import { chunkwise, parallel, recurrent, work } from './three-forms';

describe('a figure', () => {
  it.each(FIGURES.map((figure) => [figure.name, figure] as const))('%s draws numbers at the ends of every control', (_, figure) => {
    const start = startValues(figure);
    for (const { name, min, max } of figure.controls)
      for (const value of [min, max]) {
        const drawn = figure.draw({ ...start, [name]: value }) + figure.caption({ ...start, [name]: value });
        expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
      }
    expect(figureMarkup(figure)).toContain('<figcaption>');
  });
});

describe('what figures compute', () => {
  it('is the state of mamba-130m that the table of published models has', () => {
    const row = /\| state-spaces\/mamba-130m \|.* ([\d.]+) \|/.exec(
      readFileSync(join(root, 'docs', 'guides', 'published-models.md'), 'utf8'),
    );
    expect((stateBytes / 1e6).toFixed(1)).toBe(row?.[1]);
  });

  it('is one retention in three forms', () => {
    const whole = parallel();
    for (const cut of [recurrent(), chunkwise(8), chunkwise(5), chunkwise(32)])
      for (const [t, o] of cut.entries()) expect(o).toBeCloseTo(whole[t] ?? Number.NaN, 12);
    expect(work(1)).toEqual({ pairs: 32, carries: 32 });
    expect(work(32)).toEqual({ pairs: 528, carries: 1 });
  });

  it('is a scan whose attention matrix gives the same outputs', () => {
    const bias = -3;
    const delta = steps(bias);
    const alone = delta.map((_, t) => (t === 5 ? 1 : 0));
    const column = attention(bias).map((row) => row[5] ?? 0);
    expect(column.slice(0, 5).every((one) => one === 0)).toBe(true);
    // a state of one number: what is left of the input at 5 is exp(−Σ Δ) Δ_5
    const h = scan(alone, delta, 1);
    expect(h[9]).toBeCloseTo((delta[5] ?? 0) * Math.exp(-delta.slice(6, 10).reduce((sum, one) => sum + one, 0)), 12);
  });

  it('closes a gate at zero, and bounds decays by one', () => {
    expect(gate(0)).toBe(0);
    expect(fused(0)).toEqual(own);
    expect(
      decays(0.6)
        .flat()
        .every((one) => one >= 0 && one <= 1),
    ).toBe(true);
    expect(reach(0, 0.5)).toBeCloseTo(21.83, 2);
  });
});
