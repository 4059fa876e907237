import { SsmError } from '@densessm/ssm-core';

/** The error for an option without meaning. */
export const badOption = (where: string, name: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'OPTION', what: `${where}: \`${name}\` cannot be used so.`, expected, got, fix });
