import { expect, it } from 'vitest';
import type { LoadedModel } from './load';
import { loadReloadable } from './reloadable';

it('loads anew what it had loaded, once, and leaves params of others alone', async () => {
  let loads = 0;
  const warnings: string[] = [];
  const loaded = await loadReloadable({
    load: async () => ({ params: { number: loads++ } }) as unknown as LoadedModel,
    restart: async () => 'on another device',
    onWarning: (message) => warnings.push(message),
  });
  const { params: first, reloadable } = loaded;
  const trained = { number: 9 };
  expect([reloadable?.now(first), reloadable?.now(trained), await reloadable?.after(trained)]).toEqual([first, trained, undefined]);
  const [one, same] = await Promise.all([reloadable?.after(first), reloadable?.after(first)]);
  expect([one, same, reloadable?.now(first), await reloadable?.after(first), loaded.params]).toEqual(Array(5).fill({ number: 1 }));
  expect([loads, reloadable?.now(trained), warnings]).toEqual([2, trained, [expect.stringMatching(/was lost.*on another device/)]]);
});
