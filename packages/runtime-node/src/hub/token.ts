import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { type Environment, hubHome, isOn } from './environment';

/**
 * The token that Python's huggingface_hub would send: HF_TOKEN, else what `hf auth login` stored; none where
 * HF_HUB_DISABLE_IMPLICIT_TOKEN is set. @throws SsmError OPTION for a token that cannot be one
 */
export function implicitToken(environment: Environment): string | undefined {
  if (isOn(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH } = environment;
  const named = (HF_TOKEN || HUGGING_FACE_HUB_TOKEN || '').trim();
  if (named) return requireToken(named, 'HF_TOKEN');
  const path = HF_TOKEN_PATH || join(hubHome(environment), 'token');
  const stored = readStored(path).trim();
  return stored ? requireToken(stored, path) : undefined;
}

/** It becomes part of a header. */
export function requireToken(token: string, from: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new SsmError({
    code: 'OPTION',
    what: `the token of ${from} cannot be used.`,
    expected: 'printable characters without spaces, such as hf_…',
    got: `${token.length} characters, others among them`,
    fix: 'copy it again from the settings of your account, or run `hf auth login`',
  });
}

/** Nobody has logged in where there is no such file. */
function readStored(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
