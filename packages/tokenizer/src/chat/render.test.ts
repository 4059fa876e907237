import { describe, expect, it } from 'vitest';
import { fixtureLines } from '../../fixtures';
import { renderTemplate } from './render';

const NOW = new Date(2026, 10, 29, 9, 41, 5);
// Templates and what transformers makes of them, null for an error: tests/python/make_chat_fixture.py.
const [variables, ...lines] = fixtureLines<unknown>('chat') as [Record<string, unknown>, ...[string, string | null][]];

/** What Python renders and is refused here: the parser of the library does not know it, or JavaScript has no such value. */
const REFUSED = new Set([
  ...['{{ (1,) }}', '{{ () }}', '{{ (1,) + (2,) }}', '{{ [1] == (1,) }}', "{{ 'x'.encode() }}", '{{ 100000000000000000 * 1.0 }}'],
  ...['{{ 1 < 2 < 3 }}', '{{ 1 == 1 == 1 }}', '{% for x in xs recursive %}{{ x }}{% endfor %}', '{% raw %}{{ x }}{% endraw %}'],
  ...['{{ s.swapcase is defined }}', "{{ 'format {}'.format(1) }}", 'x %}\n y', '{% macro m() %}{{ varargs }}{% endmacro %}{{ m() }}'],
]);

function render(template: string): string | null {
  try {
    return renderTemplate(template, variables, NOW);
  } catch {
    return null;
  }
}

describe('a chat template', () => {
  it('renders as in transformers, and is an error where Python raises one', () => {
    expect(lines.length).toBeGreaterThan(400);
    const got = lines.map(([template]) => [template, render(template)]);
    expect(got).toEqual(lines.map(([template, text]) => [template, REFUSED.has(template) ? null : text]));
  });

  it.each([
    ["{{ 'a' * 1000000000 }}"],
    ["{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }}"],
    ['{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}'],
    ['{{ range(1000000000) | list }}'],
    ['{{ 9 ** 99999 }}'],
    ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    [`{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`],
    [`{{ ${'[1,'.repeat(3000)}1${']'.repeat(3000)} }}`],
    [`${'{% if x %}'.repeat(20_000)}`],
    [`${' '.repeat(200_000)}{{ x }}`],
    ["{{ 'a' | center(1000000000) }}"],
    ["{{ '%1000000000s' % 'a' }}"],
    ["{{ 'x'.replace('', 'y' * 10000000) }}"],
    ['{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}'],
  ])('that asks for too much is an error within seconds: %s', (template) => {
    expect(() => renderTemplate(template, {})).toThrow();
  });
});
