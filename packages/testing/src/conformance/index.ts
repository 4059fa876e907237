export { checkFixture } from './check-fixture';
export { fixturesDir } from './fixtures-dir';
export { fixtureFolders, readFixture } from './folder';
export { checkModel } from './model-checks';
export { rowNormalisedRetention } from './row-normalised-retention';
export type { CheckResult, Fixture, ModelFixture, StoredTensor } from './types';
