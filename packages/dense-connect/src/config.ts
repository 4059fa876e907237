import { type ConfigJson, ConfigReader, SsmError } from '@densessm/ssm-core';

const PROJECTIONS = ['none', 'identity', 'linear'] as const;
const GATES = ['none', 'linear', 'mlp'] as const;
const FUSIONS = ['add', 'concat', 'attention'] as const;
const SCOPES = ['layer', 'block'] as const;

/** How a layer's hidden state is joined with those of shallower layers: DenseSSM, arXiv:2403.00818, section 3.2. */
export interface DenseConfig {
  /** m, the number of shallower layers that a layer reads; 0 connects nothing. */
  readonly denseLayers: number;
  /** Proj of a shallow state. 'none' is a control: the same gate, but a unit in the place of the shallow state. */
  readonly projection: (typeof PROJECTIONS)[number];
  /** Gate of a shallow state, made from the layer's own input. */
  readonly gate: (typeof GATES)[number];
  /** Width r between the two layers of an mlp gate, and of the queries and keys of attention; 0 only where that is a model's own default. */
  readonly gateRank: number;
  /** A gate of its own for every distance instead of one that all sources share. */
  readonly gatePerSource: boolean;
  /** Fuse: how the selected shallow states join the layer's own. */
  readonly fusion: (typeof FUSIONS)[number];
  /** 'layer': every layer reads the m below it. 'block': the first layer of a block of m reads the block before. */
  readonly scope: (typeof SCOPES)[number];
}

/** The name of each choice in a config.json. */
const KEYS = {
  denseLayers: 'dense_block_layers',
  projection: 'dense_projection',
  gate: 'dense_gate',
  gateRank: 'dense_gate_rank',
  gatePerSource: 'dense_gate_per_source',
  fusion: 'dense_fusion_method',
  scope: 'dense_scope',
} as const satisfies Record<keyof DenseConfig, string>;

/** What a model gets that says nothing: the released DenseRetNet's choices (hiddenSize / 32 is its rank) without any connection. */
const withDefaults = (hiddenSize: number, defaults: Partial<DenseConfig>): DenseConfig => ({
  denseLayers: 0,
  projection: 'identity',
  gate: 'mlp',
  gateRank: Math.max(1, Math.floor(hiddenSize / 32)),
  gatePerSource: false,
  fusion: 'add',
  scope: 'layer',
  ...defaults,
});

/**
 * The dense part of a config.json. `defaults` are the model's own, for keys that the file leaves out.
 * @throws SsmError CONFIG naming the key that holds an unknown word, a bad number or a choice that contradicts another.
 */
export function parseDenseConfig(reader: ConfigReader, hiddenSize: number, defaults: Partial<DenseConfig> = {}): DenseConfig {
  const fallback = withDefaults(hiddenSize, defaults);
  const config: DenseConfig = {
    denseLayers: reader.integer(KEYS.denseLayers, { fallback: fallback.denseLayers, min: 0 }),
    projection: reader.oneOf(KEYS.projection, PROJECTIONS, fallback.projection),
    gate: reader.oneOf(KEYS.gate, GATES, fallback.gate),
    gateRank: reader.integer(KEYS.gateRank, { fallback: fallback.gateRank, min: Math.min(1, fallback.gateRank) }),
    gatePerSource: reader.boolean(KEYS.gatePerSource, fallback.gatePerSource),
    fusion: reader.oneOf(KEYS.fusion, FUSIONS, fallback.fusion),
    scope: reader.oneOf(KEYS.scope, SCOPES, fallback.scope),
  };
  reader.require(
    config.gate !== 'none' || !config.gatePerSource,
    KEYS.gatePerSource,
    'false, since dense_gate is "none"',
    'choose dense_gate "linear" or "mlp", or leave dense_gate_per_source out',
  );
  reader.require(
    config.denseLayers === 0 || config.gate !== 'none' || config.projection !== 'none',
    KEYS.projection,
    '"identity" or "linear", since dense_gate is "none"',
    'with neither a projection nor a gate nothing is connected: choose one, or set dense_block_layers to 0',
  );
  return Object.freeze(config);
}

/**
 * A whole config from a few choices made in code, with the same checks as for a file.
 * @throws SsmError CONFIG
 */
export function completeDenseConfig(where: string, choices: Partial<DenseConfig>, hiddenSize: number): DenseConfig {
  const unknown = Object.keys(choices).find((name) => !(name in KEYS));
  if (unknown !== undefined) throw noSuchChoice(where, unknown);
  const json = Object.fromEntries(Object.entries(choices).map(([name, value]) => [KEYS[name as keyof DenseConfig], value]));
  return parseDenseConfig(new ConfigReader(where, json), hiddenSize);
}

const noSuchChoice = (where: string, name: string): SsmError =>
  new SsmError({
    code: 'CONFIG',
    what: `${where}: the dense choices have no \`${name}\`.`,
    expected: `one of ${Object.keys(KEYS).join(', ')}`,
    got: name,
    fix: 'remove the choice or correct its spelling',
  });

/** What to write into config.json: `dense_block_layers`, and every choice that `defaults` (the same as for parsing) would not restore. */
export function denseConfigToJson(config: DenseConfig, hiddenSize: number, defaults: Partial<DenseConfig> = {}): Record<string, unknown> {
  const fallback = withDefaults(hiddenSize, defaults);
  const json: Record<string, ConfigJson[string]> = {};
  for (const name of Object.keys(KEYS) as (keyof DenseConfig)[]) {
    if (name === 'denseLayers' || config[name] !== fallback[name]) json[KEYS[name]] = config[name];
  }
  return json;
}
