import { SsmError } from '@densessm/ssm-core';

export function badSession(
  code: 'STATE' | 'OPTION' | 'TOKENS',
  where: string,
  what: string,
  expected: string,
  got: string,
  fix = 'start a new session, or fork one in time',
): SsmError {
  return new SsmError({ code, what: `${where === 'Session' ? where : `Session.${where}`}: ${what}.`, expected, got, fix });
}
