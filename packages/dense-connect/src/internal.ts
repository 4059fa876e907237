/** What the packages of this repository use of this one and may change at any time. */
export { startsNeutral } from './spec';
