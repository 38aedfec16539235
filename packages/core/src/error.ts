/** Every way in which an operation of Theseus can be refused or fail, as users meet it in CLI, API and logs. */
export type ErrorCode =
  | 'invalid-argument'
  | 'invalid-plan'
  | 'invalid-state'
  | 'not-found'
  | 'already-exists'
  | 'unauthorized'
  | 'forbidden'
  | 'stale-revision'
  | 'conflict'
  | 'limit-exceeded'
  | 'too-many-requests'
  | 'overloaded'
  | 'folder-in-use'
  | 'postgres-unavailable'
  | 'database-failed'
  | 'unreachable'
  | 'timed-out'
  | 'corrupt-record'
  | 'not-allowed'
  | 'unsupported'
  | 'cancelled'
  | 'internal';

/**
 * The one error class of Theseus: a closed code for machines, a sentence for people, and the cause kept for the log.
 *
 * The text says what could not be done, with which value, and what is allowed.
 */
export class TheseusError extends Error {
  override readonly name = 'TheseusError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything that was thrown, for a log line or an event. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
