/** What the packages of this repository use of this one and may change at any time. */
export { hubEndpoint, isHubId, modelAddress, requireRevision } from './pretrained/address';
export { MAX_TEXT_BYTES, withProgress } from './pretrained/file-set';
export { loadReloadable } from './pretrained/reloadable';
export { fetchWithDeadline, requireStallTimeout, STALL_TIMEOUT_MS, StallError } from './pretrained/stall-deadline';
export { requireLayers, withoutPrefix } from './pretrained/stored-names';
