import { describeKernelChecks } from '@densessm/testing';
import { squareSumChecks } from './checks';

describeKernelChecks(squareSumChecks);
