import { type LanguageModel, loadModel } from 'densessm';

let loading: Promise<LanguageModel> | undefined;

/** Loads the model the first time, once for all requests. */
function loaded(): Promise<LanguageModel> {
  loading ??= loadModel('./my-model', { weights: 'int8' }).catch((error: unknown) => {
    loading = undefined; // the next request tries again
    throw error;
  });
  return loading;
}

export async function POST(request: Request): Promise<Response> {
  const { prompt } = (await request.json()) as { prompt: string };
  const model = await loaded();
  const parts = model.stream(prompt, { maxTokens: 40, signal: request.signal });
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(new TextEncoder().encode(value));
    },
    cancel: async () => void (await parts.return()),
  });
  return new Response(stream, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
