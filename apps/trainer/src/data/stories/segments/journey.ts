import { listed, withArticle } from '../english';
import { COUNTABLES } from '../words';
import type { Person, World } from '../world';

const STOPS = [
  'At {place} {a.he} [find] {gift}.',
  'At {place} somebody [sell] {a.him} {gift} for a song.',
  'At {place} a duck [give] {a.him} {gift}.',
  '{a.He} [go] to {place} and [come] out with {gift}.',
];
const ORDER = ['first', 'second', 'third'];

/** Somebody goes from place to place, brings something from each and tells it all at home. */
export function journey(world: World): void {
  const { draw } = world;
  const [a, b] = draw.some(world.cast, 2) as [Person, Person];
  const gifts = draw.some(COUNTABLES, 3).map(([one]) => withArticle(one));
  const stops = gifts.map((gift) => ({ a, b, gift, place: world.place() }));
  world.tell(
    world.any(['{a} [go] for a long walk.', '{a} [set] out to see the world.', '"I need fresh air," [say] {a} and [leave].'], { a }),
    ...stops.map((stop) => world.fresh(STOPS, stop)),
  );
  const [first, second, third] = stops.map(({ place }) => place) as [string, string, string];
  world.tell(
    world.say('"Where have you been?" [ask] {b}. "First at {first}, then at {second}, and at last at {third}," [say] {a}.', {
      a,
      b,
      first,
      second,
      third,
    }),
    world.any(['{b} [get] {things}.', '"For you," [say] {a} and [hand] {b} {things}.'], {
      a,
      b,
      things: listed(gifts.map((gift) => gift.replace(/^an?/, 'the'))),
    }),
  );
  const asked = draw.between(0, 2);
  const stop = stops[asked] as (typeof stops)[0];
  world.ask('What [do] {a} get at {place}?', '{gift}.', stop);
  world.ask('Where [do] {a} get {gift}?', 'At {place}.', stop);
  world.ask('Which place [be] the {order} one?', '{place}.', { ...stop, order: ORDER[asked] as string });
}
