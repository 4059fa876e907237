// A worker of the page's own, as a bundler makes it.
import { serveModels } from 'densessm/worker';

serveModels();
