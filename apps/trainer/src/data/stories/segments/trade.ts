import type { Person, World } from '../world';

const OFFERS = [
  '"You may have the {thing}," [say] {owner}, "but only for the {price}."',
  '"My {thing} for the {price}," [say] {owner}. "That is my last word."',
  '"The {thing} is yours," [say] {owner}, "as soon as I hold the {price}."',
];
const VISITS = [
  'So {hero} [go] to {owner}, who [have] the {thing}.',
  '{hero} [run] to {owner} to ask for the {thing}.',
  'The {thing} [belong] to {owner}.',
];
const SWAPS = [
  '{hero} [give] the {price} to {owner} and [get] the {thing}.',
  '{hero} [hand] {owner} the {price}, and {owner} [hand] {hero} the {thing}.',
  '"Here is the {price}," [say] {hero}. {owner} [nod] and [bring] the {thing}.',
];
const TRIUMPHS = [
  'At last {hero} [hold] the {thing}. It [be] smaller than expected.',
  'So the {thing} [belong] to {hero} at last, and {hero.he} [have] no idea what to do with it.',
  '"{hero.cry}!" [cry] {hero} and [kiss] the {thing}.',
];

/** Somebody wants a thing and finds that its owner wants another, and so on; what was asked for first is swapped last. */
export function tradeChain(world: World): void {
  const [hero, ...owners] = world.draw.some(world.cast, world.draw.between(3, world.cast.length)) as [Person, ...Person[]];
  const things = owners.map(() => world.thing());
  const own = world.thing();
  /** What the owner of thing `i` wants for it. */
  const price = (i: number): string => things[i - 1] ?? own;
  const chain = owners.map((owner, i) => ({ hero, owner, thing: things[i] as string, price: price(i) }));
  const wish = chain.at(-1) as (typeof chain)[number];
  const asked = chain.toReversed().map((link, i) => {
    const first = "{hero} [want] {owner}'s {thing} very much.";
    return `${i === 0 ? world.say(first, link) : world.fresh(VISITS, link)} ${world.fresh(OFFERS, link)}`;
  });
  world.tell(...asked);
  world.tell(
    world.any(
      [
        '{hero} [look] into {hero.his} pocket, and there [be] the {own}!',
        'The {own}? {hero} [happen] to have just that under {hero.his} hat.',
      ],
      { hero, own },
    ),
    ...chain.map((link) => world.fresh(SWAPS, link)),
    world.any(TRIUMPHS, wish),
  );
  world.ask(`Who [have] the {own} in the end?`, '{owner} [do].', { own, owner: owners[0] as Person });
  world.ask(`Who [have] the {thing} in the end?`, '{hero} [do].', wish);
  for (const { thing, owner } of chain.slice(0, -1)) {
    const next = chain.find((link) => link.price === thing)?.owner as Person;
    world.ask('Who [have] the {thing} at first, and who in the end?', 'First {owner}, then {next}.', { thing, owner, next });
  }
}
