import { amount, inWords } from '../english';
import type { Person, World } from '../world';

const COIN = ['coin', 'coins'] as const;

/** Prices, products and what is left of the money. */
export function shopping(world: World): void {
  const { draw } = world;
  const [a, seller] = draw.some(world.cast, 2) as [Person, Person];
  const noun = world.countable();
  const [price, count] = [draw.between(1, 5), draw.between(2, 6)];
  const sum = price * count;
  const rest = draw.between(0, 9);
  const slots = {
    a,
    seller,
    one: noun[0],
    many: noun[1],
    count: amount(count, noun),
    sum: amount(sum, COIN),
    price: amount(price, COIN),
    number: inWords(count),
  };
  const left = rest === 0 ? 'no money' : amount(rest, COIN);
  world.tell(
    world.say('{a} [go] to {place} with {money}.', { a, place: world.place(), money: amount(sum + rest, COIN) }),
    world.any(
      ['There {seller} [sell] {many} for {price} each.', '{seller} [be] selling {many}. "Only {price} each!" [cry] {seller}.'],
      slots,
    ),
    world.any(['{a} [buy] {count} and [pay] {sum}.', '"I will take {number}," [say] {a}. "Then I get {sum}," [say] {seller}.'], slots),
    world.say('{a} [have] {left} left.', { a, left }),
  );
  world.ask('How much [do] one {one} cost?', '{price}.', slots);
  world.ask('How many coins [do] {a} have left?', rest === 0 ? 'None at all.' : `${left}.`, slots);
  world.ask('Who [sell] the {many}?', '{seller} [do].', slots);
}
