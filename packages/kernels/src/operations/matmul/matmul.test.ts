import { describeKernelChecks } from '@densessm/testing';
import { matMulChecks } from './checks';

describeKernelChecks(matMulChecks);
