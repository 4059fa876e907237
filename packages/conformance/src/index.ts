export { checkFixture } from './check-fixture';
export { fixturesDir } from './fixtures-dir';
export { fixtureFolders, readFixture } from './folder';
export { checkModel } from './model-checks';
export { rowNormalizedRetention } from './row-normalized-retention';
export { moved, type Sizes, sixModels, sizeOf } from './six-models';
export type { CheckResult, Fixture, ModelFixture, StoredTensor } from './types';
