/** Rates of the last text, in tokens per second: reading and writing apart. */
let prompt = $state<number | undefined>();
let answer = $state<number | undefined>();
let firstToken = $state<number | undefined>();

export const speed = {
  get prompt(): number | undefined {
    return prompt;
  },
  get answer(): number | undefined {
    return answer;
  },
  /** Seconds until the first token was there. */
  get firstToken(): number | undefined {
    return firstToken;
  },
  note(promptTokens: number, firstTokenSeconds: number, tokens: number, seconds: number): void {
    firstToken = firstTokenSeconds;
    if (promptTokens > 0 && firstTokenSeconds > 0) prompt = promptTokens / firstTokenSeconds;
    const rest = seconds - firstTokenSeconds;
    if (tokens > 1 && rest > 0) answer = (tokens - 1) / rest;
  },
};
