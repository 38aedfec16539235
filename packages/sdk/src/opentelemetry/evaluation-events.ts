import type { EvaluationDetails, FlagValue, Hook, HookContext } from '@openfeature/server-sdk';
import { type AnyValueMap, type Logger, logs } from '@opentelemetry/api-logs';

export interface EvaluationEventsOptions {
  /** Takes the events; the global provider's logger named `@theseus/sdk` unless given. */
  readonly logger?: Pick<Logger, 'emit'>;
  /** Whether events name the subject by its targeting key, as the conventions recommend, or nobody. */
  readonly contextId?: 'targeting-key' | 'none';
}

const EVENT = 'feature_flag.evaluation';
/** What needs no text beside its name. */
const PLAIN_ERRORS = new Set(['flag_not_found', 'targeting_key_missing', 'provider_not_ready', 'type_mismatch']);
/** As OpenFeature's telemetry names them in a flag's metadata. */
const METADATA = { contextId: 'contextId', flagSet: 'flagSetId', version: 'version' } as const;

/**
 * A hook of OpenFeature that tells OpenTelemetry of each evaluation, as the semantic conventions for feature flags have it:
 * one event `feature_flag.evaluation` each, whatever provider answered. It never throws and changes no answer.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
 * @example OpenFeature.addHooks(evaluationEvents());
 */
export function evaluationEvents(options: EvaluationEventsOptions = {}): Hook {
  const { logger = logs.getLogger('@theseus/sdk'), contextId = 'targeting-key' } = options;
  return {
    finally: (context: Readonly<HookContext<FlagValue>>, details: EvaluationDetails<FlagValue>) => {
      try {
        const attributes = { ...resultOf(context, details), ...subjectOf(context, details, contextId) };
        logger.emit({ eventName: EVENT, attributes });
      } catch {
        // Whoever takes the events is in trouble, and the evaluation is not.
      }
    },
  };
}

function resultOf(
  { flagKey, providerMetadata }: Readonly<HookContext<FlagValue>>,
  { value, variant, reason = 'UNKNOWN', flagMetadata, errorCode, errorMessage }: EvaluationDetails<FlagValue>,
): AnyValueMap {
  const error = errorCode ?? (reason === 'ERROR' ? 'GENERAL' : undefined);
  const flagSet = flagMetadata[METADATA.flagSet];
  const version = flagMetadata[METADATA.version];
  return {
    'feature_flag.key': flagKey,
    'feature_flag.provider.name': providerMetadata.name,
    'feature_flag.result.reason': reason.toLowerCase(),
    // A value may be large or private: it stands only where no variant names it.
    ...(variant === undefined
      ? { 'feature_flag.result.value': attributeOf(value) }
      : { 'feature_flag.result.variant': variant }),
    ...(flagSet === undefined ? {} : { 'feature_flag.set.id': String(flagSet) }),
    ...(version === undefined ? {} : { 'feature_flag.version': String(version) }),
    ...(error === undefined ? {} : errorOf(error.toLowerCase(), errorMessage)),
  };
}

function errorOf(type: string, message: string | undefined): AnyValueMap {
  const isPlain = message === undefined || message === '' || PLAIN_ERRORS.has(type);
  return isPlain ? { 'error.type': type } : { 'error.type': type, 'error.message': message };
}

function subjectOf(
  { context }: Readonly<HookContext<FlagValue>>,
  { flagMetadata }: EvaluationDetails<FlagValue>,
  contextId: 'targeting-key' | 'none',
): AnyValueMap {
  const id = flagMetadata[METADATA.contextId] ?? context.targetingKey;
  return contextId === 'none' || id === undefined ? {} : { 'feature_flag.context.id': String(id) };
}

/** A value that is no plain one goes out as JSON. */
function attributeOf(value: FlagValue): string | number | boolean {
  return typeof value === 'object' ? JSON.stringify(value) : value;
}
