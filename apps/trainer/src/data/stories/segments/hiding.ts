import type { Person, World } from '../world';

const HIDES = [
  '{a} [hide] the {thing} {first} and [go] to {place}.',
  '{a} [put] the {thing} {first}, where nobody would look, and [leave] for {place}.',
];
const MOVES = [
  'While {a} [be] away, {b} [find] the {thing} and [put] it {second}.',
  'As soon as {a} [be] gone, {b} [take] the {thing} and [hide] it {second}.',
];
const RETURNS = [
  'When {a} [come] back from {place}, {a.he} [look] {first}. There [be] nothing but dust.',
  '{a} [come] back from {place} and [look] {first}. "{a.cry}!" {a.he} [cry]. "It is gone!"',
];

/** Somebody hides a thing, somebody else moves it; the first one looks where it was left. */
export function hiding(world: World): void {
  const { draw } = world;
  const [a, b, c] = draw.some(world.cast, 3) as [Person, Person, Person];
  const [first, second, third] = [world.hidingPlace(), world.hidingPlace(), world.hidingPlace()];
  const slots = { a, b, c, thing: world.thing(), first, second, third, place: world.place() };
  world.tell(world.any(HIDES, slots));
  const isMovedTwice = draw.chance(0.4);
  world.tell(
    world.any(MOVES, slots),
    isMovedTwice ? world.say('An hour later {c} [move] it again: now the {thing} [be] {third}.', slots) : '',
  );
  const where = isMovedTwice ? third : second;
  world.tell(
    world.any(RETURNS, slots),
    draw.chance(0.4) ? world.say('In the end {c} [point] at the right place: {where}.', { ...slots, where }) : '',
  );
  world.ask('Where [be] the {thing} in the end?', `{where}.`, { ...slots, where });
  world.ask('Where [do] {a} look, and why?', '{first}, because {a.he} [have] left it there.', slots);
  world.ask('Where [do] {a} go?', 'To {place}.', slots);
}
