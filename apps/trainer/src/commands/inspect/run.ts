import type { Io } from '../../io';
import { modelsOf } from '../../model/families';
import { hubOptions } from '../../model/open-model';
import { openModelFiles } from '../../model/source';
import { formatBytes, formatCount } from '../../output/numbers';
import { alignPairs, alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { writeJson, writeLines } from '../shared';
import type { InspectOptions } from './command';
import { type ModelFacts, modelFacts } from './facts';

export async function inspect(io: Io, source: string, options: InspectOptions): Promise<void> {
  const facts = await modelFacts(await openModelFiles(io, source, hubOptions(options)), modelsOf(io));
  if (options.json) writeJson(io, facts);
  else writeLines(io, describe(io, facts));
}

function describe(io: Io, facts: ModelFacts): string[] {
  const { parameters, modules } = facts;
  const rows = modules.map((row) => [
    row.name,
    row.shape === undefined ? 'various' : `[${row.shape.join(', ')}]`,
    row.count === 1 ? '' : `× ${row.count}`,
    formatCount(row.parameters),
    `${((100 * row.parameters) / parameters).toFixed(1)} %`,
  ]);
  const total = ['total', '', '', formatCount(parameters), '100.0 %'];
  const config = Object.entries(facts.config).map(([key, value]) => [key, JSON.stringify(value)] as const);
  return [
    ...alignPairs(summary(facts)),
    '',
    ...alignTable([['tensor', 'shape', '', 'parameters', 'share'], ...rows, total], { right: [2, 3, 4], width: terminalWidth(io) }),
    '',
    'config.json',
    ...alignPairs(config).map((line) => `  ${line}`),
  ];
}

function summary(facts: ModelFacts): (readonly [string, string])[] {
  const { layers, parameters, stateBytesPerSequence, weightBytesInMemory, weights, tokenizer } = facts;
  const dtypes = weights && Object.keys(weights.dtypes).join(' and ');
  const quantized = weights?.quantization ? `, matrices of ${weights.quantization.bits} bits in groups of 32` : '';
  const stored = weights?.quantization ? `, ${formatBytes(weights.bytes)} as they are stored` : '';
  const special = tokenizer && [tokenizer.bos && `begins with ${tokenizer.bos}`, tokenizer.eos && `ends with ${tokenizer.eos}`];
  return [
    ['model', facts.name],
    ['kind', facts.modelType],
    ['layers', String(layers ?? 'unknown')],
    ['parameters', `${formatCount(parameters)}, ${formatBytes(weightBytesInMemory)} in memory as float32${stored}`],
    ['state', `${formatBytes(stateBytesPerSequence)} per text, however long it is`],
    [
      'weights',
      weights
        ? `${weights.where}: ${weights.tensors} tensors, ${formatBytes(weights.bytes)}, ${dtypes}${quantized}`
        : 'none in this folder',
    ],
    ...(weights ? problems(weights) : []),
    [
      'tokenizer',
      tokenizer
        ? [
            `${formatCount(tokenizer.vocabSize)} tokens`,
            ...(special ?? []),
            tokenizer.hasChatTemplate ? 'chat template' : 'no chat template',
          ]
            .filter(Boolean)
            .join(', ')
        : 'none in this folder',
    ],
  ];
}

function problems({ missing, unexpected }: NonNullable<ModelFacts['weights']>): (readonly [string, string])[] {
  const few = (names: readonly string[]): string =>
    `${names.slice(0, 3).join(', ')}${names.length > 3 ? `, … (${names.length} in all)` : ''}`;
  return [
    ...(missing.length > 0 ? [['missing', few(missing)] as const] : []),
    ...(unexpected.length > 0 ? [['unexpected', few(unexpected)] as const] : []),
  ];
}
