/** Commands between a page and a worker, without anything of TensorFlow.js: what a page's first load is made of. */
export { type CallOptions, connectWorker, type WorkerConnection } from './messages/connect-worker';
export type { Command, Commands, MessageEnd, SentError } from './messages/protocol';
export { fromSent, toSent } from './messages/sent-error';
export { type CommandCall, type CommandHandlers, serveCommands } from './messages/serve-commands';
