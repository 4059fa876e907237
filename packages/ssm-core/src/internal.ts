/** What the packages of this repository use of each other and may change at any time. */
export { detached, isRecording, liesOnHost } from './engine';
export { lastToken } from './forward-options';
export { computed, constant as constantInit, mulberry32, zeros as zerosInit } from './initializers';
