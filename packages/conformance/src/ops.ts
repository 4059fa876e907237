import { checkBasicOps } from './ops-basic';
import { checkRetNetOps } from './ops-retnet';
import { checkScanOps } from './ops-scan';
import type { CheckResult, OpsFixture } from './types';

/** Each answers to the cases it knows, by what expected.json says of them, and passes over the others. Results begin with `c<i>`. */
const checks: ((fixture: OpsFixture) => AsyncIterable<CheckResult>)[] = [checkBasicOps, checkScanOps, checkRetNetOps];

/** Every case of an operator folder; one that nobody answers to is a failure, so that none is passed over in silence. */
export async function* checkOps(fixture: OpsFixture): AsyncGenerator<CheckResult> {
  const answered = new Set<string>();
  for (const check of checks) {
    for await (const result of check(fixture)) {
      answered.add(result.name.split(/[ :]/)[0] as string);
      yield result;
    }
  }
  for (const i of (fixture.expected.cases as unknown[]).keys()) {
    if (!answered.has(`c${i}`)) yield { name: `c${i}: no check answers to this case`, error: Infinity, bound: 0 };
  }
}
