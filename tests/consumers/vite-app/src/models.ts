// One door to several models, as an application has it: what a page does not use must not end up in its bundle.
export { mamba } from '@densessm/mamba';
export { retnet } from '@densessm/retnet';
