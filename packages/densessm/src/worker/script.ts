/** The worker's script that comes with this package, all in one file. */
import { serveModels } from './index';

serveModels();
