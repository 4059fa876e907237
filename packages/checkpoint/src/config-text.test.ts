import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configText, parseConfigText } from './index';

describe('parseConfigText', () => {
  it('reads Infinity and NaN as bare words, outside strings only', () => {
    const text = '{"time_step_limit": [0.0, Infinity], "low": -Infinity,\n "nan": NaN, "text": "Infinity, -Infinity \\"NaN\\""}';
    expect(parseConfigText(text)).toEqual({
      time_step_limit: [0, Infinity],
      low: -Infinity,
      nan: Number.NaN,
      text: 'Infinity, -Infinity "NaN"',
    });
  });

  it('reads the tagged numbers of transformers 5 wherever they stand', () => {
    const text = '{"a": [0.0, {"__float__": "Infinity"}], "b": {"c": {"__float__": "-Infinity"}}, "d": {"__float__": "NaN"}}';
    expect(parseConfigText(text)).toEqual({ a: [0, Infinity], b: { c: -Infinity }, d: Number.NaN });
  });

  it('leaves objects alone that only look like tagged numbers', () => {
    const text = '{"a": {"__float__": "1.5"}, "b": {"__float__": "NaN", "more": 1}, "c": {"__float__": 1}}';
    expect(parseConfigText(text)).toEqual(JSON.parse(text));
  });

  it('reads a file behind a byte order mark, and the last of two equal keys, as Python does', () => {
    expect(parseConfigText('\ufeff{"a": 1, "a": 2}')).toEqual({ a: 2 });
  });

  it('reads all JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.nat(4), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(parseConfigText(spaced)).toEqual(JSON.parse(spaced));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    ['', 'line 1, column 1'],
    ['{"a": 1,}', 'line 1, column 9'],
    ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3'],
    ['{"a": infinity}', 'line 1, column 7'],
    ['{"a": 01}', 'line 1, column 7'],
    ['{"a": "\\x"}', 'line 1, column 7'],
    ['{"a": "b', 'line 1, column 7'],
    ['{"a": "\n"}', 'line 1, column 8'],
    ['[1', 'line 1, column 3'],
    ['{"a" 1}', 'line 1, column 6'],
    ["{'a': 1}", 'line 1, column 2'],
    ['{} {}', 'line 1, column 4'],
  ])('says where %j goes wrong', (text, place) => {
    expect(() => parseConfigText(text)).toThrow(
      expect.objectContaining({
        name: 'SsmError',
        code: 'FILE',
        message: expect.stringContaining(`config.json: ${place} is not valid JSON`),
      }),
    );
  });

  it('tells the whole story of a mistake', () => {
    expect(() => parseConfigText('{\n  "hidden_size": 32,\n}', 'model/config.json')).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: model/config.json: line 3, column 1 is not valid JSON.
        expected  a key in double quotes
        got       "}"
        fix       get the file again, or correct it there]
    `);
  });
});

describe('configText', () => {
  it('writes infinity the way transformers 5 does', () => {
    expect(configText({ model_type: 'mamba2', time_step_limit: [0, Infinity] })).toBe(
      '{\n  "model_type": "mamba2",\n  "time_step_limit": [\n    0.0,\n    {\n      "__float__": "Infinity"\n    }\n  ]\n}\n',
    );
  });

  it('writes a decimal point where transformers 5 asks for one, and nowhere else', () => {
    const config = { time_step_scale: 1, time_step_min: 1e-7, time_step_max: 1e21, layer_norm_epsilon: 0.5, hidden_size: 32 };
    const lines = [
      '"time_step_scale": 1.0',
      '"time_step_min": 1e-7',
      '"time_step_max": 1e+21',
      '"layer_norm_epsilon": 0.5',
      '"hidden_size": 32',
    ];
    expect(configText(config)).toBe(`{\n  ${lines.join(',\n  ')}\n}\n`);
  });

  it('writes everything else as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (config) => {
        const same = JSON.parse(JSON.stringify(config)); // without -0, which JSON.stringify loses
        expect(configText(same)).toBe(`${JSON.stringify(same, null, 2)}\n`);
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(configText({ a: undefined, b: [undefined], c: {}, d: [] })).toBe('{\n  "b": [\n    null\n  ],\n  "c": {},\n  "d": []\n}\n');
  });

  it('is read back unchanged', () => {
    const config = { a: [-Infinity, { b: Number.NaN }], c: null, d: 'é"\n', e: 1e-6, f: true, time_step_limit: [0, Infinity] };
    expect(parseConfigText(configText(config))).toEqual(config);
  });
});

it('a config of more values than any config has is refused while it is read', () => {
  const text = `{"a":[${'0,'.repeat(2 ** 21)}0]}`;
  expect(() => parseConfigText(text)).toThrow(/expected {2}at most 2097152 values in all/);
});
