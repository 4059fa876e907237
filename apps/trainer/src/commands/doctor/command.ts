import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import { DEVICES, type DeviceName } from '../../settings/devices';

export interface DoctorFlags {
  device: DeviceName;
  kernels?: string[];
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm doctor
  $ densessm doctor --device cpu --json

Every kernel computes small samples, forward and backward, and is compared with its reference in float64. An error is the largest
difference of a value, beside the largest that rounding explains. Exit code 1 where a kernel is wrong; on webgpu it is left to its reference
from then on, on this device.`;

/** `densessm doctor`. */
export function registerDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .summary('check this machine, and every kernel on it')
    .description('Looks at this machine and compares every kernel with its reference on it.')
    .addOption(new Option('--device <name>', 'what to check').choices(DEVICES).default('auto'))
    .option('--kernels <name...>', 'check these kernels only')
    .option('--json', 'everything as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DoctorFlags) => (await import('./run')).examine(io, flags));
}
