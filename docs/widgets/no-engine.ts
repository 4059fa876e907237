/** In place of the demo's engine: what these elements look at was recorded, so no model is ever opened. */
export const engine = { ready: async (): Promise<undefined> => undefined };
