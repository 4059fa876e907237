import { Draw } from './draw';
import { listed } from './english';
import * as phrases from './phrases';
import { contest } from './segments/contest';
import { counting } from './segments/counting';
import { dinner } from './segments/dinner';
import { hiding } from './segments/hiding';
import { journey } from './segments/journey';
import { lesson } from './segments/lesson';
import { message } from './segments/message';
import { shopping } from './segments/shopping';
import { tradeChain } from './segments/trade';
import { HOMES } from './words';
import { described, type Person, type Question, World } from './world';

/** A story, and what it can be asked: more than what it asks itself. */
export interface Story {
  readonly text: string;
  readonly questions: readonly Question[];
}

const SEGMENTS = [tradeChain, counting, shopping, hiding, message, contest, dinner, lesson, journey];

/** The story of a seed: who is in it, one to three things that happen to them, and questions about all of it. */
export function tellStory(seed: number): Story {
  const draw = new Draw(seed);
  const world = new World(draw, draw.chance(0.75) ? 'past' : 'present', draw.between(3, 4));
  introduce(world);
  for (const [i, segment] of draw.some(SEGMENTS, draw.pick([1, 1, 2, 2, 3])).entries()) {
    const first = world.paragraphs.length;
    segment(world);
    if (i > 0) world.paragraphs[first] = `${world.fresh(phrases.LINKS)}, ${startedLater(world, world.paragraphs[first] as string)}`;
  }
  const [a, b] = draw.some(world.cast, 2) as [Person, Person];
  const ending = world.any(phrases.ENDINGS, { a, b });
  const asked = draw.some(world.questions, draw.between(2, 3)).map(({ ask, answer }) => `${ask} ${answer}`);
  return { text: [...withAsides(world), ending, '', ...asked].join('\n'), questions: world.questions };
}

/** A sentence that no longer begins its paragraph: names stay capital. */
function startedLater(world: World, text: string): string {
  const isName = text.startsWith('"') || world.cast.some(({ name }) => text.startsWith(name));
  return isName ? text : text[0]?.toLowerCase() + text.slice(1);
}

function introduce(world: World): void {
  const { draw, cast, tense } = world;
  const homes = draw.some(HOMES, cast.length);
  const first = tense === 'past' ? phrases.FIRST_PAST : phrases.FIRST_PRESENT;
  for (const [i, a] of cast.entries()) {
    const slots = { a: cast[0] as Person, b: a, who: described(a), home: homes[i] as string };
    const about = draw.some([phrases.FAVOURITES, phrases.CRIES], draw.between(i === 0 ? 1 : 0, 2)).map((kind) => world.fresh(kind, { a }));
    world.tell(world.fresh(i === 0 ? first : phrases.NEXT_ONES, slots), ...about);
    const person = { a, kind: a.kind };
    if (draw.chance(0.3)) world.ask('Who [be] the {kind}?', '{a}.', person);
    if (about.some((sentence) => sentence.includes(a.food))) world.ask('What [do] {a} like to eat?', '{a.food}.', { a });
  }
  if (draw.chance(0.5)) world.ask('Who [be] in this story?', `${listed(cast.map(({ name }) => name))}.`);
}

/** The paragraphs with the weather, idle talk and other interruptions between them. */
function withAsides(world: World): string[] {
  const { draw, cast, paragraphs } = world;
  return paragraphs.map((paragraph, i) => {
    if (i < cast.length || draw.chance(0.65)) return paragraph;
    const [a, b] = draw.some(cast, 2) as [Person, Person];
    const aside = world.fresh(draw.pick([phrases.WEATHER, phrases.ASIDES, phrases.CHATTER, phrases.CHATTER]), { a, b });
    return `${aside}\n${paragraph}`;
  });
}
