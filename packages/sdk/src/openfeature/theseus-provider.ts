import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderFatalError,
  ProviderNotReadyError,
  type ResolutionDetails,
  StandardResolutionReasons,
  type TrackingEventDetails,
} from '@openfeature/server-sdk';
import type { Evaluation, EvaluationErrorCode, EvaluationReason } from '@theseus/core/flag';
import type { ConnectionState, TheseusClient } from '../theseus-client.ts';

export interface TheseusProviderOptions {
  /** How long `initialize` waits for flags, in milliseconds; 2000 unless given. */
  readonly readyLimitMs?: number;
}

/** OpenFeature's standard word for each of our reasons; an override and a segment are matches of targeting. */
const REASONS: Readonly<Record<EvaluationReason, string>> = {
  OVERRIDE: StandardResolutionReasons.TARGETING_MATCH,
  SEGMENT: StandardResolutionReasons.TARGETING_MATCH,
  SPLIT: StandardResolutionReasons.SPLIT,
  RETIRED: StandardResolutionReasons.STATIC,
  PREREQUISITE: StandardResolutionReasons.TARGETING_MATCH,
  DISABLED: StandardResolutionReasons.DISABLED,
  DEFAULT: StandardResolutionReasons.DEFAULT,
  ERROR: StandardResolutionReasons.ERROR,
};

const ERROR_CODES: Readonly<Record<EvaluationErrorCode, ErrorCode>> = {
  FLAG_NOT_FOUND: ErrorCode.FLAG_NOT_FOUND,
  TARGETING_KEY_MISSING: ErrorCode.TARGETING_KEY_MISSING,
  PROVIDER_NOT_READY: ErrorCode.PROVIDER_NOT_READY,
  GENERAL: ErrorCode.GENERAL,
};

/**
 * Theseus behind OpenFeature. A boolean is true for the candidate; a string is the variant's name; flags have no numbers and no objects.
 * Asking for the string counts the subject as exposed where the plan measures goals, and tracking counts the goals.
 * The client stays the caller's to create, and is closed with the provider.
 *
 * @example await OpenFeature.setProviderAndWait(new TheseusProvider(createTheseus(options)));
 */
export class TheseusProvider implements Provider {
  readonly metadata = { name: 'theseus' } as const;
  readonly runsOn = 'server';
  readonly events = new OpenFeatureEventEmitter();
  readonly #client: TheseusClient;
  readonly #readyLimitMs: number | undefined;
  readonly #unsubscribe: (() => void)[] = [];
  #isClosed = false;

  constructor(client: TheseusClient, options: TheseusProviderOptions = {}) {
    this.#client = client;
    this.#readyLimitMs = options.readyLimitMs;
  }

  /**
   * Resolves when flags are known; rejects after the limit, and a later arrival of the flags makes the provider ready. With
   * flags from disk alone the provider is stale from the start.
   */
  async initialize(): Promise<void> {
    if (this.#isClosed) throw new ProviderFatalError('The provider was closed with its client: make another of both');
    const ready = await this.#client.ready(this.#readyLimitMs);
    this.#subscribe();
    if (!ready) throw new ProviderNotReadyError('No flags are known yet: the Theseus server was not reached');
    if (this.#client.state === 'stale') afterReady(() => this.#onState(this.#client.state));
  }

  async onClose(): Promise<void> {
    this.#isClosed = true;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.#client.close();
  }

  async resolveBooleanEvaluation(
    flagKey: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    const evaluation = this.#client.details(flagKey, context);
    return resolution(evaluation, evaluation.arm === 'candidate', evaluation.arm, defaultValue);
  }

  async resolveStringEvaluation(
    flagKey: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    const evaluation = this.#client.details(flagKey, context);
    // Asked once more to be counted as exposed.
    if (evaluation.reason === 'SPLIT') this.#client.variant(flagKey, context);
    return resolution<string>(evaluation, evaluation.variant, evaluation.variant, defaultValue);
  }

  /** OpenFeature's tracking: the event's name is the goal, its value is kept, a `flag` among the details narrows it. */
  track(goal: string, context: EvaluationContext, { value, flag }: TrackingEventDetails = {}): void {
    this.#client.track(goal, context, {
      ...(value === undefined ? {} : { value }),
      ...(typeof flag === 'string' ? { flag } : {}),
    });
  }

  async resolveNumberEvaluation(
    flagKey: string,
    defaultValue: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#unlessMissing(flagKey, context, mismatch(flagKey, 'number', defaultValue));
  }

  async resolveObjectEvaluation<T extends JsonValue>(
    flagKey: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return this.#unlessMissing(flagKey, context, mismatch(flagKey, 'object', defaultValue));
  }

  /** A flag that there is not has no type that could be wrong. */
  #unlessMissing<T>(flagKey: string, context: EvaluationContext, found: ResolutionDetails<T>): ResolutionDetails<T> {
    const evaluation = this.#client.details(flagKey, context);
    const isMissing = evaluation.errorCode === 'FLAG_NOT_FOUND' || evaluation.errorCode === 'PROVIDER_NOT_READY';
    return isMissing ? resolution(evaluation, found.value, evaluation.variant, found.value) : found;
  }

  #subscribe(): void {
    if (this.#unsubscribe.length > 0) return;
    this.#unsubscribe.push(
      this.#client.onState((state) => this.#onState(state)),
      this.#client.onChange(({ version, changed }) => {
        this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...changed], metadata: { version } });
      }),
    );
  }

  #onState(state: ConnectionState): void {
    switch (state) {
      case 'current':
        this.events.emit(ProviderEvents.Ready);
        break;
      case 'stale':
        this.events.emit(ProviderEvents.Stale, { message: 'The Theseus server is out of reach' });
        break;
      case 'waiting':
        this.events.emit(ProviderEvents.Error, { message: 'No flags are known' });
        break;
    }
  }
}

/**
 * OpenFeature takes whoever has initialised for ready, in the turn after: what is to hold instead must be said after that,
 * and before those hear of it who wait for the provider.
 */
function afterReady(say: () => void): void {
  queueMicrotask(() => queueMicrotask(say));
}

/** As OpenFeature has it, an error answers with the caller's default: give the legacy side as default. */
function resolution<T>(evaluation: Evaluation, value: T, variant: string, defaultValue: T): ResolutionDetails<T> {
  const { key, reason, errorCode, version } = evaluation;
  const flagMetadata = { version };
  if (errorCode === undefined) return { value, variant, reason: REASONS[reason], flagMetadata };
  const failed = { reason: StandardResolutionReasons.ERROR, errorCode: ERROR_CODES[errorCode], flagMetadata };
  return { ...failed, value: defaultValue, errorMessage: `Cannot evaluate flag '${key}': ${errorCode}` };
}

function mismatch<T>(flagKey: string, type: string, value: T): ResolutionDetails<T> {
  return {
    value,
    reason: StandardResolutionReasons.ERROR,
    errorCode: ErrorCode.TYPE_MISMATCH,
    errorMessage: `Cannot read flag '${flagKey}' as ${type}: Theseus flags are booleans or the name of a variant`,
  };
}
