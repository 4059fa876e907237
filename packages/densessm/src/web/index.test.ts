import { expect, it } from 'vitest';
import * as worker from '../worker';
import * as web from './index';

it('exports what the README lists', () => {
  expect([Object.keys(web).sort(), Object.keys(worker)]).toEqual([['createWorkerClient', 'loadModelInWorker'], ['serveModels']]);
});
