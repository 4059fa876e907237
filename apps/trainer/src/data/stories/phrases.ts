/** Sentences to be filled in, see phrase.ts. */

export const WEATHER = [
  'It [rain] a little, mostly on the postman.',
  'The sun [shine] as if it [have] nothing else to do.',
  'A small cloud [look] down and [decide] to stay.',
  'The wind [blow] from the left.',
  'Snow [fall], although it [be] July.',
  'The fog [be] so thick that the birds [walk].',
  'It [be] a warm day and the street [smell] of toast.',
  'Somewhere a bell [ring] thirteen times.',
];

/** Something that a hero does by the way. */
export const ASIDES = [
  '{a} [sneeze] twice and [apologise] to the furniture.',
  '{a} [stop] to count {a.his} elbows.',
  '{a} [hum] a song about {a.food}.',
  '{a} [think] about {a.food} and [sigh].',
  '{a} [trip] over a sleeping dog and [thank] it.',
  '{a} [write] a short letter to {a.himself}.',
  '{a} [pretend] to be a lamp for a while.',
  '"{a.cry}!" [say] {a} for no reason.',
  '"I could eat a whole bucket of {a.food}," [say] {a}.',
  '"{a.cry}!" [cry] {a}. "I have forgotten what day it is."',
];

/** Two heroes pass the time. */
export const CHATTER = [
  '"Are you sure about this?" [ask] {a}. "Not at all," [say] {b}.',
  '"You look tired, {b}," [say] {a}. "I am only resting my face," [say] {b}.',
  '"Is there any {a.food} left?" [ask] {a}. {b} [shake] {b.his} head. "{a.cry}!" [say] {a}.',
  '"Do you like {b.food}?" [ask] {a}. "More than my own mother," [say] {b}.',
  '{a} [tell] {b} a joke about a spoon. {b} [laugh] so hard that {b.he} [fall] off {b.his} chair.',
  '"What would you do if you [be:past] a king?" [ask] {a}. "I would eat {b.food} in bed," [say] {b}.',
  '{a} and {b} [argue+] about the best way to fold a map. Neither of them [win].',
  '"{b.cry}!" [say] {b}. "You always say that," [say] {a}. "{a.cry}!" {a.he} [add].',
];

export const FIRST_PAST = [
  'Once there was {who} called {a}, who lived {home}.',
  'Long ago, {who} called {a} lived {home}.',
  'This is the story of {a}, {who}. {a.He} lived {home}, and nobody knew why.',
  '{a} was {who}. {a.He} lived {home} and never complained about it.',
];
export const FIRST_PRESENT = [
  'There is {who} called {a}, who lives {home}.',
  'Meet {a}. {a.He} is {who} and lives {home}.',
  'Imagine {who}. {a.His} name is {a}, and {a.he} lives {home}.',
  'This is {a}, {who}. {a.He} lives {home} and likes it there.',
];
export const NEXT_ONES = [
  '{a.His} best friend [be] {b}, {who}.',
  'Next door [live] {b}, {who}.',
  'There [be] also {b}, {who}, who [live] {home}.',
  '{b}, {who}, [visit] every day and never [knock].',
  '{a} [share] {a.his} breakfast with {b}, {who}.',
];
export const FAVOURITES = [
  '{a} [eat] nothing but {a.food}.',
  '{a} [like] {a.food} more than anything.',
  'For breakfast {a} [have] {a.food}, and for dinner {a.he} [have] {a.food} again.',
];
export const CRIES = [
  'Whenever {a} [be] surprised, {a.he} [say] "{a.cry}!"',
  '"{a.cry}!" [be] what {a} [say] about everything.',
  '{a} [be] known for saying "{a.cry}!" at the wrong moment.',
];
export const LINKS = [
  'Later that day',
  'The next morning',
  'After lunch',
  'A week later',
  'Before anybody noticed',
  'On Sunday',
  'Not much later',
];
export const ENDINGS = [
  'And that [be] that.',
  'Then everybody [go] home, except the moon.',
  'Nobody [speak] of it again, except on holidays.',
  '{a} [sleep] very well that night.',
  '{a} [put] on {a.his} best hat and [bow].',
  '"{a.cry}!" [say] {a}, and it [be] the last word.',
  'And if the clock [be] right, it [be] time for {a.food}.',
  '{a} and {b} [shake+] hands, and the band [play] something slow.',
];
