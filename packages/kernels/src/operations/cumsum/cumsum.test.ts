import { describeKernelChecks } from '@densessm/testing';
import { cumsumChecks } from './checks';

describeKernelChecks(cumsumChecks);
