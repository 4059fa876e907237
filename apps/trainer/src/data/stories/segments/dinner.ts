import { amount, listed } from '../english';
import type { Person, World } from '../world';

/** Everybody wants something else to eat, and the plates get mixed up. */
export function dinner(world: World): void {
  const { draw } = world;
  const guests = draw.some(world.cast, world.cast.length);
  const [host] = guests as [Person, ...Person[]];
  const names = guests.slice(1).map(({ name }) => name);
  world.tell(
    world.say('{host} [invite] {names} to dinner at {place}.', { host, names: listed(names), place: world.place() }),
    world.say('There [be+] {plates} on the table.', { plates: amount(guests.length, ['plate', 'plates']) }),
    ...guests.map((a) =>
      world.any(['{a} [ask] for {a.food}.', '"{a.food} for me, please," [say] {a}.', '{a} [want] {a.food}, as always.'], { a }),
    ),
  );
  // each gets what the next one asked for
  const served = guests.map((a, i) => ({ a, b: guests[(i + 1) % guests.length] as Person }));
  world.tell(
    world.any(['But the waiter [mix] up the plates.', 'But the lamp [go] out, and the plates [travel+].'], {}),
    ...served.map(({ a, b }) => world.say("{a} [get] {b}'s {food}.", { a, b, food: b.food })),
    draw.chance(0.5) ? world.say('"{host.cry}!" [say] {host}, and they all [begin+] to swap.', { host }) : '',
  );
  const { a, b } = draw.pick(served);
  world.ask('Whose plate [do] {a} get?', "{b}'s {food}.", { a, b, food: b.food });
  world.ask('What [do] {a} want to eat?', '{a.food}.', { a });
  world.ask('Who [invite] the others to dinner?', '{host} [do].', { host });
}
