import { capitalised, inWords } from '../english';
import type { Person, World } from '../world';

/** A sum in words, and its result. */
function sum(world: World): { text: string; result: number } {
  const { draw } = world;
  const [x, y] = [draw.between(1, 12), draw.between(1, 12)];
  const kind = draw.between(0, 2);
  if (kind === 0) return { text: `${inWords(x)} and ${inWords(y)}`, result: x + y };
  if (kind === 1) return { text: `${inWords(x + y)} minus ${inWords(y)}`, result: x };
  const [few, times] = [draw.between(2, 9), draw.between(2, 9)];
  return { text: `${inWords(few)} times ${inWords(times)}`, result: few * times };
}

/** Somebody teaches sums to two others, who do not get all of them right. */
export function lesson(world: World): void {
  const { draw } = world;
  const [a, b, c] = draw.some(world.cast, 3) as [Person, Person, Person];
  const [first, second, third] = [sum(world), sum(world), sum(world)];
  const wrong = third.result + draw.pick([-1, 1, 2, 10]);
  world.tell(
    world.any(['{a} [teach] arithmetic to {b} and {c}.', '{a} [give] a lesson, although nobody [ask] for it. {b} and {c} [listen+].'], {
      a,
      b,
      c,
    }),
    world.say('"What is {text}?" [ask] {a}. "{answer}," [say] {b}.', {
      a,
      b,
      text: first.text,
      answer: capitalised(inWords(first.result)),
    }),
    world.say('"And {text}?" "{answer}," [say] {b} at once.', { b, text: second.text, answer: capitalised(inWords(second.result)) }),
  );
  world.tell(
    world.say('{a} [turn] to {c}. "What is {text}?" "{answer}," [say] {c}.', {
      a,
      c,
      text: third.text,
      answer: capitalised(inWords(Math.max(0, wrong))),
    }),
    world.any(['"No," [say] {a}. "It is {right}."', '"Almost," [say] {b}. "It is {right}."', '"{a.cry}!" [say] {a}. "It is {right}."'], {
      a,
      b,
      right: third.result,
    }),
    world.any(['"{c.cry}!" [say] {c}.', '{c} [write] it on {c.his} sleeve.', '"Not in my country," [say] {c}.'], { c }),
  );
  world.ask('Who [give] the lesson?', '{a} [do].', { a });
  world.ask('Who [make] a mistake?', '{c} [do].', { c });
  world.ask('How much is {text}?', '{right}.', { text: third.text, right: third.result });
}
