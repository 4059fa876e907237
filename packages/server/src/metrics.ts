import type { SchedulerCounts, TextRequest } from '@densessm/generate';

/** What the server has done since it started; Prometheus reads it. The names are those of llama.cpp's server, after our own prefix. */
export class Metrics {
  promptTokens = 0;
  cachedTokens = 0;
  predictedTokens = 0;
  promptSeconds = 0;
  predictedSeconds = 0;
  requests = 0;
  refused = 0;

  /** A prompt whose model has read all but what a kept state spared it. One that goes on from a given state holds only what is new. */
  seePrompt({ prompt, from }: Pick<TextRequest, 'prompt' | 'from'>, cachedTokens: number): void {
    this.cachedTokens += cachedTokens;
    this.promptTokens += prompt.length - (from ? 0 : cachedTokens);
  }

  text(counts: SchedulerCounts, stateBytes: number, states: number): string {
    const rate = (tokens: number, seconds: number): number => (seconds > 0 ? tokens / seconds : 0);
    const rows: [name: string, kind: 'counter' | 'gauge', help: string, value: number][] = [
      ['prompt_tokens_total', 'counter', 'Prompt tokens that were read', this.promptTokens],
      ['prompt_tokens_cached_total', 'counter', 'Prompt tokens that a kept state spared', this.cachedTokens],
      ['prompt_seconds_total', 'counter', 'Seconds from the request to the end of its prompt, queue included', this.promptSeconds],
      ['tokens_predicted_total', 'counter', 'Tokens that were generated', this.predictedTokens],
      ['tokens_predicted_seconds_total', 'counter', 'Seconds from the end of a prompt to the end of its texts', this.predictedSeconds],
      ['predicted_tokens_seconds', 'gauge', 'Generated tokens per second of a request', rate(this.predictedTokens, this.predictedSeconds)],
      ['requests_total', 'counter', 'Requests for text that were taken', this.requests],
      ['requests_refused_total', 'counter', 'Requests that met a full queue', this.refused],
      ['requests_processing', 'gauge', 'Requests that are read or generated', counts.active],
      ['requests_deferred', 'gauge', 'Requests that wait', counts.waiting],
      ['texts_processing', 'gauge', 'Texts that are generated', counts.texts],
      ['state_cache_bytes', 'gauge', 'Bytes of the states that are kept in memory', stateBytes],
      ['state_cache_entries', 'gauge', 'States that are kept in memory', states],
    ];
    const lines = rows.map(
      ([name, kind, help, value]) => `# HELP densessm_${name} ${help}.\n# TYPE densessm_${name} ${kind}\ndensessm_${name} ${value}\n`,
    );
    return lines.join('');
  }
}
