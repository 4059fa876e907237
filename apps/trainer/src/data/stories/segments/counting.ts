import { amount, inWords } from '../english';
import type { Person, World } from '../world';

const MOST = 20;

/** One thing that happens to a heap, and how many there are then. `more` is "three more pears". */
interface Change {
  readonly phrase: string;
  readonly by: number;
  /** Whether the friend gets them. */
  readonly isGift?: boolean;
}

const GAINS = [
  '{a} [find] {more} at {place}.',
  '"I have too many," [say] {b} and [give] {a} {more}.',
  'A stranger [throw] {more} over the fence.',
  '{a} [win] {more} in a bet about the weather.',
];
const LOSSES = [
  '{a} [drop] {some} into a well.',
  'A magpie [steal] {some}.',
  '{a} [sell] {some} to a tourist.',
  '{a} [lose] {some} on the way to {place}.',
];
const GIFTS = [
  '{a} [give] {some} to {b}.',
  '"Take {some}," [say] {a} to {b}. "I insist."',
  '{b} [ask] for {some}, and {a} [be] too polite to say no.',
];
const TOTALS = ['Now {a} [have] {total}.', 'That [make] {total}.', '{a} [count] them: {total}.'];
const RESTS = ['Now {a} [have] {total}.', 'That [leave] {total}.', '{a} [count] what [be] left: {total}.'];

function change(world: World, have: number): Change {
  const { draw } = world;
  const kind = draw.between(0, have < 3 ? 0 : 2);
  if (kind === 0 && have < MOST - 1) return { phrase: draw.pick(GAINS), by: draw.between(1, Math.min(6, MOST - have)) };
  if (have >= 2 && have * 2 <= MOST && draw.chance(0.15))
    return { phrase: '{a} [wish] for twice as many, and suddenly there [be+] twice as many.', by: have };
  const by = -draw.between(1, Math.min(6, have));
  return kind === 1 ? { phrase: draw.pick(GIFTS), by, isGift: true } : { phrase: draw.pick(LOSSES), by };
}

/** Somebody has some of something, gets more, loses some, gives some away. */
export function counting(world: World): void {
  const { draw } = world;
  const [a, b] = draw.some(world.cast, 2) as [Person, Person];
  const noun = world.countable();
  const heap = { have: draw.between(2, 9), given: 0 };
  const first = heap.have;
  world.tell(
    world.any(['{a} [have] {count}.', 'In the morning {a} [own] {count}.', '{a} [come] along with {count} in a basket.'], {
      a,
      count: amount(first, noun),
    }),
  );
  for (let step = draw.between(2, 5); step > 0; step--) {
    const { phrase, by, isGift } = change(world, heap.have);
    const more = `${inWords(Math.abs(by))} more ${Math.abs(by) === 1 ? noun[0] : noun[1]}`;
    const sentence = world.say(phrase, { a, b, more, some: amount(Math.abs(by), noun), place: world.place() });
    heap.have += by;
    if (isGift) heap.given -= by;
    const total = heap.have === 0 ? `none` : amount(heap.have, noun);
    world.tell(sentence, draw.chance(0.6) ? world.fresh(by > 0 ? TOTALS : RESTS, { a, total }) : '');
  }
  const many = noun[1];
  const answer = (count: number): string => (count === 0 ? 'None at all.' : `${amount(count, noun)}.`);
  world.ask('How many {many} [do] {a} have in the end?', answer(heap.have), { a, many });
  world.ask('How many {many} [do] {a} have at first?', answer(first), { a, many });
  if (heap.given > 0) world.ask('How many {many} [do] {b} get from {a}?', answer(heap.given), { a, b, many });
}
