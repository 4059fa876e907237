export { createHandler, type Handler } from './handler';
export type { ServerOptions } from './options';
export type { ServedModel } from './served-model';
export type { StateFolder } from './states/state-store';
