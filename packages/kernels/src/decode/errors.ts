import { SsmError } from '@densessm/ssm-core';

export const disposedDecoder = (where: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: the decoder was disposed of.`,
    expected: 'a decoder that owns its memory',
    got: 'a freed one',
    fix: 'make a new one from the params',
  });

export const badTokens = (where: string, batch: number, vocabSize: number, got: string): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: `${where}: these tokens cannot be read.`,
    expected: `${batch === 1 ? '1 id' : `1 to ${batch} ids`} from 0 to ${vocabSize - 1}, one for each text`,
    got,
    fix: "encode the text with this model's own tokenizer",
  });

export const badRow = (where: string, batch: number, row: number): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: there is no such row.`,
    expected: `a row from 0 to ${batch - 1}`,
    got: String(row),
    fix: 'make a decoder with a larger `batch`',
  });

export const badBatch = (where: string, batch: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `${where}: \`batch\` cannot be used.`,
    expected: 'an integer from 1',
    got: String(batch),
    fix: 'say how many texts are read side by side',
  });

export const notPacked = (where: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `${where}: the params are not packed.`,
    expected: 'packed matrices',
    got: 'tensors',
    fix: 'packParams(model.spec(config), params, { weights }) first, or load the model with `weights`',
  });
