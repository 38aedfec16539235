import { type ErrorCode, TheseusError } from '@theseus/core/error';

const STATUS: Readonly<Record<ErrorCode, 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 500 | 503 | 504>> = {
  'invalid-argument': 400,
  'invalid-plan': 422,
  'invalid-state': 409,
  'not-found': 404,
  'already-exists': 409,
  unauthorized: 401,
  forbidden: 403,
  'stale-revision': 409,
  conflict: 409,
  'limit-exceeded': 413,
  'too-many-requests': 429,
  overloaded: 503,
  'folder-in-use': 409,
  'postgres-unavailable': 503,
  'database-failed': 503,
  unreachable: 503,
  'timed-out': 504,
  'corrupt-record': 500,
  'not-allowed': 403,
  unsupported: 422,
  cancelled: 503,
  internal: 500,
};

export function statusOf(error: unknown): 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 500 | 503 | 504 {
  if (error instanceof TheseusError) return STATUS[error.code];
  return isConnectionFailure(error) ? 503 : 500;
}

/** After how many seconds asking again makes sense; undefined where only another question does. */
export function retryAfterS(error: unknown): number | undefined {
  if (!(error instanceof TheseusError)) return isConnectionFailure(error) ? 2 : undefined;
  if (error.code === 'too-many-requests') return 1;
  return error.code === 'overloaded' ? 10 : undefined;
}

/** What a caller may know of an error: nothing of one that was not expected. */
export function errorAnswer(error: unknown): {
  readonly error: { readonly code: ErrorCode; readonly message: string };
} {
  if (error instanceof TheseusError) return { error: { code: error.code, message: error.message } };
  if (isConnectionFailure(error)) {
    return { error: { code: 'database-failed', message: 'The database does not answer at the moment: try again' } };
  }
  return { error: { code: 'internal', message: 'The server could not do it; its log says why' } };
}

/**
 * PostgreSQL's classes 08 (connection) and 57P (shutdown), its 53300 (too many connections) and 57014 (took too long), and
 * what the network and the clock of the connection say.
 */
function isConnectionFailure(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = error instanceof Error ? error.message : '';
  return (
    /^(08|57P|53300|57014)|^ECONN|^EPIPE|^ETIMEDOUT|^ENOTFOUND|^EAI_AGAIN|^E(HOST|NET)UNREACH/.test(code) ||
    /Connection terminated|timeout exceeded when trying to connect|Query read timeout/.test(text)
  );
}
