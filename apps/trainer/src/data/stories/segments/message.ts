import { NEWS, PASSWORD_ENDS, PASSWORD_STARTS } from '../words';
import type { Person, World } from '../world';

const ORDERS = [
  '"Go to {place} and tell {c} that {news}," [say] {a} to {b}.',
  '"{b}," [say] {a}, "{c} must know that {news}. You will find {c.him} at {place}."',
];
const SECRETS = [
  '{a.He} [whisper]: "Do not forget the password: {password}."',
  '"And the password?" [ask] {b}. "It is {password}. Tell nobody."',
  '"They will want to hear the password," {a.he} [add]. "It is {password}."',
];
const WAYS = [
  'On the way {b} [repeat]: "{password}, {password}, {password}."',
  '{b} [walk] and [walk] and [think] of {b.food}.',
  'The way to {place} [be] long, and {b} [meet] a cow who [know] nothing.',
];

/** A message and a password go a long way and arrive word for word. */
export function message(world: World): void {
  const { draw } = world;
  const [a, b, c] = draw.some(world.cast, 3) as [Person, Person, Person];
  const password = `${draw.pick(PASSWORD_STARTS)} ${draw.pick(PASSWORD_ENDS)}`;
  const slots = { a, b, c, password, news: draw.pick(NEWS), place: world.place() };
  world.tell(world.any(ORDERS, slots), world.any(SECRETS, slots));
  world.tell(...draw.some(WAYS, draw.between(1, 2)).map((way) => world.say(way, slots)));
  world.tell(
    world.say(
      'At {place} there [stand] a guard. "The password?" [ask] the guard. "{password}," [say] {b}, and the guard [step] aside.',
      slots,
    ),
    world.any(
      ['"{a} says that {news}," {b} [tell] {c}.', '{c} [be] asleep. "Wake up!" [say] {b}. "{a} wants you to know that {news}."'],
      slots,
    ),
    world.any(['"{c.cry}!" [say] {c}.', '{c} [nod] slowly. "I knew it," {c.he} [say].', '"Is that all?" [ask] {c}.'], slots),
  );
  world.ask('What [be] the password?', '{password}.', slots);
  world.ask('What [do] {a} want {c} to know?', 'That {news}.', slots);
  world.ask('Who [carry] the message?', '{b} [do].', slots);
}
