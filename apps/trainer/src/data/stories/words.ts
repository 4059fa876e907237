/** The words that stories are made of. Everything is said in plain English and none of it is true. */

const words = (text: string): readonly string[] => text.split(',').map((word) => word.trim());

export const WOMEN = words(
  'Ada, Ruth, Mina, Olga, Tess, Nora, Ivy, Zelda, Greta, Pearl, Wanda, Bea, Clara, Edith, Flora, Hilda, Irma, June, Lotte, Mabel, Nell, Petra, Rosa, Sybil, Thea, Vera, Willa, Agnes, Doris, Fern',
);
export const MEN = words(
  'Pim, Otto, Hugo, Finn, Leo, Max, Rufus, Sam, Boris, Felix, Gus, Walter, Abel, Basil, Casper, Duncan, Edgar, Fergus, Ivan, Jasper, Kurt, Linus, Morris, Ned, Oscar, Percy, Quentin, Ralph, Stan, Tom',
);

/** What a hero can be. */
export const KINDS = words(
  'baker, miller, pirate, teacher, knight, gardener, sailor, painter, clockmaker, barber, ghost, robot, goat, owl, fox, hedgehog, goose, frog, bear, snail, inspector, umpire, elephant, opera singer, accountant, dentist, wizard, acrobat, pelican, tortoise',
);
export const TRAITS = words(
  'brave, sleepy, honest, hungry, polite, stubborn, tiny, elegant, anxious, cheerful, forgetful, enormous, retired, famous, clumsy, thoughtful, noisy, lonely, impatient, modest',
);
export const HOMES = words(
  'in a lighthouse, in a large teapot, above the bakery, behind the station, in a house without stairs, under a bridge, in a red caravan, at the end of a long street, on a boat that leaked, in the attic of the town hall, inside a hollow tree, next to a volcano, in a tent, at the edge of the forest',
);
/** What nobody can count. */
export const FOODS = words(
  'soup, porridge, cheese, toast, custard, marmalade, honey, gravy, rice, cake, pudding, butter, ice cream, cabbage, popcorn',
);

export const ADJECTIVES = words(
  'red, old, green, golden, wooden, silver, broken, tiny, yellow, blue, rusty, striped, heavy, borrowed, invisible, expensive',
);
/** Each of them is there once. */
export const THINGS = words(
  'kite, drum, whistle, umbrella, boot, teapot, map, lantern, accordion, spoon, hat, ladder, trumpet, clock, violin, suitcase, bicycle, carpet, mirror, anchor, telescope, wig, bucket, crown, piano stool, cushion',
);
/** One and many. */
export const COUNTABLES: readonly (readonly [string, string])[] = words(
  'pear pears, egg eggs, button buttons, biscuit biscuits, radish radishes, onion onions, key keys, pebble pebbles, mushroom mushrooms, cherry cherries, turnip turnips, candle candles, sausage sausages, feather feathers, potato potatoes, lemon lemons, sandwich sandwiches, acorn acorns, strawberry strawberries, pickle pickles',
).map((pair) => pair.split(' ') as unknown as readonly [string, string]);

/** Where one can be, after "at"; and go, after "to". */
export const PLACES = words(
  'the harbour, the mill, the market, the library, the station, the castle, the swimming pool, the museum, the lake, the post office, the circus, the cheese factory, the windmill, the opera, the town hall, the duck pond',
);
export const HIDING_PLACES = words(
  'under the bed, behind the clock, in the oven, inside the piano, in a boot, up the chimney, under the stairs, behind the curtain, in the soup pot, on top of the wardrobe, in the flour, between two mattresses, in the letter box, beneath the doormat, in the bathtub',
);

/** What people shout: the first and the second, joined by "and". */
export const OATHS = words('thunder, crumbs, buttons, whiskers, goodness, fiddles, bells, ghosts, galoshes, barnacles, gears, socks');
export const OATH_ENDS = words(
  'turnips, gravy, marbles, feathers, pancakes, mustard, parsnips, bagpipes, herrings, dumplings, trousers, noodles',
);

/** Passwords: one of each. */
export const PASSWORD_STARTS = words(
  'purple, quiet, velvet, wooden, royal, upside-down, electric, Tuesday, gentle, frozen, left-handed, secret',
);
export const PASSWORD_ENDS = words(
  'turnip, trumpet, pelican, pudding, bathtub, moustache, cactus, submarine, sofa, flamingo, doorknob, cucumber',
);

/** News worth carrying a long way. */
export const NEWS = words(
  'the soup is ready, the moon is made of cheese, the piano has been found, the king is in the bath, the train will be late, the geese have escaped, the clock is wrong again, nobody ordered this elephant, the bridge has been painted, the ghosts are on holiday, the cake was not real, the circus is in town, the mayor has lost a tooth, it is Thursday everywhere, the frogs demand an answer, the lighthouse is for sale',
);

/** Games, as what one does and what is counted: one and many. */
export const GAMES: readonly (readonly [string, string, string])[] = [
  ['throw the most hats onto a statue', 'hat', 'hats'],
  ['balance the most spoons on one nose', 'spoon', 'spoons'],
  ['jump over the most puddles', 'puddle', 'puddles'],
  ['tell the most jokes about cows', 'joke', 'jokes'],
  ['eat the most dumplings without laughing', 'dumpling', 'dumplings'],
  ['stack the most chairs', 'chair', 'chairs'],
  ['hum the most songs backwards', 'song', 'songs'],
  ['whistle at the most ducks', 'duck', 'ducks'],
];
