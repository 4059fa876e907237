export type { Io, TextOutput } from './io';
export { main } from './main';
