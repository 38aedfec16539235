/** What an installation decides about its API; each has a default. */
export interface ApiSettings {
  /** Origins whose pages may evaluate flags, such as `https://app.example`. None unless given. */
  readonly corsOrigins?: readonly string[];
  /** Streams that may be open here at once, of all kinds. */
  readonly maxStreams?: number;
  /** Streams that one token may have open here at once. */
  readonly maxStreamsPerToken?: number;
  /** Evaluations over HTTP that one token may ask for in a second, beyond a second's worth at once. */
  readonly maxEvaluationsPerSecond?: number;
}

/** What one process on two cores serves with room to spare. A token gets no more than leaves some to the others. */
export const API_LIMITS = {
  maxStreams: 20_000,
  maxStreamsPerToken: 16_000,
  maxEvaluationsPerSecond: 20_000,
} as const satisfies ApiSettings;
