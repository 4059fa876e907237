import { serveModels } from 'densessm/worker';

serveModels();
