export { isSameEverywhere, tell } from './agreement';
export type { Communicator, Numbers, Operation, Traffic } from './communicator';
export { endProcess } from './end-process';
export { type Environment, type Launcher, launcherOf } from './launcher';
export { BUCKET_BYTES, type MpiOptions, openMpi } from './mpi';
