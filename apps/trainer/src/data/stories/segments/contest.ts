import { amount, inWords, listed } from '../english';
import { GAMES } from '../words';
import type { World } from '../world';

const RESULTS = [
  '{a} [manage] {count}.',
  '{a} [get] {count}.',
  'For {a} they [count+] {count}.',
  '{a} [train] for a year and [manage] {count}.',
];

/** Different numbers from 1, as many as asked for. */
const differentNumbers = (world: World, count: number): number[] => world.draw.some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], count);

/** A game with numbers to compare, and a prize. */
export function contest(world: World): void {
  const { draw } = world;
  const players = draw.some(world.cast, 3);
  const [game, one, many] = draw.pick(GAMES);
  const scores = differentNumbers(world, 3);
  const order = players.map((player, i) => ({ player, score: scores[i] as number })).sort((x, y) => y.score - x.score);
  const [best, second, last] = order as [(typeof order)[0], (typeof order)[0], (typeof order)[0]];
  const prize = world.thing();
  const names = listed(players.map(({ name }) => name));
  world.tell(world.say('{names} [want+] to see who could {game}. The prize [be] the {prize}.', { names, game, prize }));
  world.tell(...players.map((a, i) => world.fresh(RESULTS, { a, count: amount(scores[i] as number, [one, many]) })));
  const slots = { best: best.player, second: second.player, last: last.player, by: best.score - second.score, prize };
  world.tell(
    world.say('{best} [win] by {by} and [get] the {prize}.', slots),
    world.any(
      [
        '{second} [come] second, and {last} [come] last.',
        '"I let you win," [say] {second}. {last} [say] nothing.',
        '"{best.cry}!" [say] {best}.',
      ],
      slots,
    ),
  );
  world.ask('Who [get] the {prize}?', '{best} [do].', slots);
  world.ask('Who [come] last?', '{last} [do].', slots);
  const sum = inWords(scores.reduce((total, score) => total + score, 0));
  world.ask('How many {many} [be+] there altogether?', '{sum}: {parts}.', { many, sum, parts: listed(scores.map(inWords)) });
}
