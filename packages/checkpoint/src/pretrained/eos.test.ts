import { describe, expect, it } from 'vitest';
import { eosTokenIds } from './eos';
import { fileSetOf } from './file-set';

const jsonFile = (name: string, json: unknown): File => new File([JSON.stringify(json)], name);

describe('the tokens that end a text', () => {
  const eos = (generation: unknown, json: unknown) =>
    eosTokenIds(fileSetOf([...(generation ? [jsonFile('generation_config.json', generation)] : []), jsonFile('config.json', json)]));

  it.each<[unknown, unknown, number[]]>([
    [undefined, { eos_token_id: [94, 17] }, [94, 17]],
    [undefined, { eos_token_id: 0 }, [0]],
    [{ eos_token_id: 3 }, { eos_token_id: 4 }, [3]],
    [{ eos_token_id: [3, 5] }, {}, [3, 5]],
    [{ max_length: 20 }, { eos_token_id: 4 }, [4]],
    [{ eos_token_id: null }, { eos_token_id: null }, []],
    [undefined, {}, []],
  ])('are those of generation_config.json %j, else of config.json %j', async (generation, json, ids) => {
    expect(await eos(generation, json)).toEqual(ids);
  });

  it.each(['2', 1.5, -1, [3, 'x'], {}])('are refused where they are %j', async (eos_token_id) => {
    await expect(eos(undefined, { eos_token_id })).rejects.toThrow(/config.json: `eos_token_id` cannot be used/);
  });
});
