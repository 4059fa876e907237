import { activate } from './activate';
import type { BackendStarter } from './choose';

/** tfjs's cpu backend, which must have been imported. It runs the references of our kernels. */
export const cpuStarter: BackendStarter<'cpu'> = {
  name: 'cpu',
  probe: async () => true,
  start: async () => {
    await activate('cpu');
    return 'plain JavaScript, which every machine runs';
  },
};
