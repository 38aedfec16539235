import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderNotReadyError,
  type ResolutionDetails,
  StandardResolutionReasons,
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
 * Theseus behind OpenFeature. A boolean is true for the candidate; a string is the arm's name; flags have no numbers and no objects.
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

  constructor(client: TheseusClient, options: TheseusProviderOptions = {}) {
    this.#client = client;
    this.#readyLimitMs = options.readyLimitMs;
  }

  /** Resolves when flags are known; rejects after the limit, and a later arrival of the flags makes the provider ready. */
  async initialize(): Promise<void> {
    const ready = await this.#client.ready(this.#readyLimitMs);
    this.#subscribe();
    if (!ready) throw new ProviderNotReadyError('No flags are known yet: the Theseus server was not reached');
  }

  async onClose(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.#client.close();
  }

  async resolveBooleanEvaluation(
    flagKey: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    const evaluation = this.#client.details(flagKey, context);
    return resolution(evaluation, evaluation.arm === 'candidate', defaultValue);
  }

  async resolveStringEvaluation(
    flagKey: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    const evaluation = this.#client.details(flagKey, context);
    return resolution<string>(evaluation, evaluation.arm, defaultValue);
  }

  async resolveNumberEvaluation(flagKey: string, defaultValue: number): Promise<ResolutionDetails<number>> {
    return mismatch(flagKey, 'number', defaultValue);
  }

  async resolveObjectEvaluation<T extends JsonValue>(flagKey: string, defaultValue: T): Promise<ResolutionDetails<T>> {
    return mismatch(flagKey, 'object', defaultValue);
  }

  #subscribe(): void {
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

/** As OpenFeature has it, an error answers with the caller's default: give the legacy side as default. */
function resolution<T>(evaluation: Evaluation, value: T, defaultValue: T): ResolutionDetails<T> {
  const { key, arm, reason, errorCode, version } = evaluation;
  const flagMetadata = { version };
  if (errorCode === undefined) return { value, variant: arm, reason: REASONS[reason], flagMetadata };
  const failed = { reason: StandardResolutionReasons.ERROR, errorCode: ERROR_CODES[errorCode], flagMetadata };
  return { ...failed, value: defaultValue, errorMessage: `Cannot evaluate flag '${key}': ${errorCode}` };
}

function mismatch<T>(flagKey: string, type: string, value: T): ResolutionDetails<T> {
  return {
    value,
    reason: StandardResolutionReasons.ERROR,
    errorCode: ErrorCode.TYPE_MISMATCH,
    errorMessage: `Cannot read flag '${flagKey}' as ${type}: Theseus flags are booleans or the name of an arm`,
  };
}
