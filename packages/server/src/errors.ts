import { SsmError } from '@densessm/ssm-core';
import { TokenizerError } from '@densessm/tokenizer';

/** An answer that is an error, in the form of the OpenAI API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    { type = 'invalid_request_error', param = null, code = null, headers = {} }: Partial<ApiErrorFields> = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }

  toJSON(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } };
  }

  toResponse(): Response {
    return Response.json(this.toJSON(), { status: this.status, headers: this.headers });
  }
}

interface ApiErrorFields {
  type: string;
  param: string | null;
  code: string | null;
  headers: Readonly<Record<string, string>>;
}

/** A field of the body that cannot be so. */
export const badField = (param: string, expected: string): ApiError => new ApiError(400, `'${param}' must be ${expected}.`, { param });

/** A field that the API has and this server does not serve, where to ignore it would change the answer. */
export const unsupported = (param: string, what: string): ApiError =>
  new ApiError(400, `${what} is not supported by this server.`, { param, code: 'unsupported_parameter' });

/** What a client may know of an error: never a stack, and of what nobody foresaw no more than that it happened. */
export function apiErrorOf(error: unknown, onError: (error: unknown) => void): ApiError {
  if (error instanceof ApiError) return error;
  if ((error instanceof SsmError || error instanceof TokenizerError) && CLIENT.has(error.code)) return new ApiError(400, error.message);
  onError(error);
  return new ApiError(500, 'The server had an error while processing the request.', { type: 'server_error' });
}

/** Codes of errors that a request can cause. */
const CLIENT: ReadonlySet<string> = new Set(['TOKENS', 'OPTION']);
