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

export const unknownMark = (): SsmError =>
  badSession('STATE', 'rewind', 'the mark is unknown', 'a mark of this session that was not freed', 'another');

export const nothingRead = (): SsmError =>
  badSession('TOKENS', 'stream', 'nothing was read yet', 'a text to go on with', 'none', 'append one first, or the bos token');

export function isReading(where: string): SsmError {
  const fix = 'await append, or the next part of the stream';
  return badSession('OPTION', where, 'the session is reading', 'a session between two steps', 'one in a step', fix);
}

export function inUse(where: string, user: string): SsmError {
  const fix = 'wait for its end, break off its loop, or work on a fork';
  return badSession('OPTION', where, 'the session is in use', 'one call at a time', `a running ${user}`, fix);
}

export const disposedSession = (): SsmError =>
  badSession('STATE', 'Session', 'the session was disposed of', 'a session that owns its state', 'a freed one');
