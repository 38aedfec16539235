import { isLive, type MigrationStage } from '@theseus/core/flag';
import type { RecordedEvent, RollbackView, RunView } from '@theseus/core/rollout';
import type { FeatureReport } from './adapters/feature-report.ts';
import type { LoadCounts } from './load-generator.ts';
import type { MessageCounts } from './message-receiver.ts';
import type { FlagTotals } from './theseus-api.ts';

export type FlagOutcome = 'moved' | 'rolled-back' | 'not-moved';

export interface RollbackSummary {
  readonly durationMs: number | null;
  readonly verification: readonly string[];
  readonly verified: boolean;
  readonly withinBudget: boolean | null;
}

export interface FlagSummary {
  readonly finalExposurePercent: number;
  /** Of a migration where everybody is; absent where the flag is none. */
  readonly finalStage?: MigrationStage;
  readonly outcome: FlagOutcome;
  readonly rollback: RollbackSummary | null;
  readonly requestsServed: number;
  readonly requestsFailedByArm: { readonly legacy: number; readonly candidate: number };
}

/** How the demo ended; with `--json` the last line. */
export interface Summary {
  readonly kind: 'summary';
  readonly success: boolean;
  /** What was not as promised; empty on success. */
  readonly problems: readonly string[];
  readonly elapsedMs: number;
  /** By how much time was compressed. */
  readonly timeFactor: number;
  readonly flags: Readonly<Record<string, FlagSummary>>;
  readonly users: { readonly pagesServed: number; readonly pagesFailed: number };
  /** From the measurement that crossed the threshold to every SDK instance serving legacy; null without a rollback. */
  readonly thresholdToLegacyMs: number | null;
  /** Effects that were carried out to their end more than once. */
  readonly effectsRepeated: number;
  /** What the adapters did, asked when nothing was under way any more. */
  readonly features: FeatureReport;
  readonly messages: MessageCounts;
  readonly serverRestarts: number;
  readonly runId: string;
  readonly dataFolder: string;
}

export interface SummaryInput {
  readonly run: RunView;
  readonly events: readonly RecordedEvent[];
  readonly totals: Readonly<Record<string, FlagTotals>>;
  readonly load: LoadCounts;
  readonly features: FeatureReport;
  readonly messages: MessageCounts;
  readonly serverRestarts: number;
  readonly elapsedMs: number;
  readonly dataFolder: string;
  /** The one service that was made to fail. */
  readonly faulty: string;
}

const LEGACY_WITHIN_MS = 1_000;
const WHOLE_PERCENT = 100;

/** Puts together how it went, and compares it with what the demo promises. Pure. */
export function buildSummary(input: SummaryInput): Summary {
  const { run, events, totals, load } = input;
  const flags = Object.fromEntries(run.flags.map(({ key }) => [key, summariseFlag(run, key, totals[key])]));
  const facts = {
    elapsedMs: Math.round(input.elapsedMs),
    timeFactor: run.timeCompression,
    flags,
    users: { pagesServed: load.served, pagesFailed: load.failed },
    thresholdToLegacyMs: thresholdToLegacyMs(events, input.faulty),
    effectsRepeated: countRepeatedEffects(events),
    features: input.features,
    messages: input.messages,
    serverRestarts: input.serverRestarts,
    runId: run.runId,
    dataFolder: input.dataFolder,
  };
  const problems = problemsOf(facts, run, input.faulty, load.failures);
  return { kind: 'summary', success: problems.length === 0, problems, ...facts };
}

/**
 * From the measurement in which a rule of the flag's gate broke to the confirmation by every instance, in milliseconds.
 * Null when there was no such rollback.
 */
export function thresholdToLegacyMs(events: readonly RecordedEvent[], flag: string): number | null {
  const crossed = events.find(({ event }) => event.type === 'rollback.initiated' && event.flags.includes(flag));
  if (crossed?.event.type !== 'rollback.initiated' || crossed.event.evidence === null) return null;
  const confirmed = events.find(
    ({ seq, event }) =>
      seq > crossed.seq && event.type === 'flag.exposure-confirmed' && event.flag === flag && event.exposure === 0,
  );
  return confirmed === undefined ? null : confirmed.event.at - crossed.event.evidence.verdict.at;
}

/** Each effect has an id of its own and ends once. */
export function countRepeatedEffects(events: readonly RecordedEvent[]): number {
  const ended = new Set<string>();
  let repeated = 0;
  for (const { event } of events) {
    if (event.type !== 'effect.finished') continue;
    if (ended.has(event.effectId)) repeated += 1;
    ended.add(event.effectId);
  }
  return repeated;
}

function summariseFlag(run: RunView, key: string, totals: FlagTotals | undefined): FlagSummary {
  const view = run.flags.find((flag) => flag.key === key);
  const rollback = run.rollbacks.findLast(({ flags }) => flags.includes(key));
  const finalExposurePercent = view?.exposurePercent ?? 0;
  const stage = view?.migration?.stage;
  const isWhole = stage === undefined ? finalExposurePercent === WHOLE_PERCENT : isLive(stage);
  const moved = isWhole && rollback === undefined;
  return {
    finalExposurePercent,
    ...(stage === undefined ? {} : { finalStage: stage }),
    outcome: moved ? 'moved' : rollback === undefined ? 'not-moved' : 'rolled-back',
    rollback: rollback === undefined ? null : summariseRollback(rollback),
    requestsServed: (totals?.legacy.requests ?? 0) + (totals?.candidate.requests ?? 0),
    requestsFailedByArm: { legacy: totals?.legacy.errors ?? 0, candidate: totals?.candidate.errors ?? 0 },
  };
}

function summariseRollback({ durationMs, verification, status, withinBudget }: RollbackView): RollbackSummary {
  return { durationMs, verification, verified: status === 'completed' && verification.length > 0, withinBudget };
}

type SummaryFacts = Omit<Summary, 'kind' | 'success' | 'problems'>;

function problemsOf(facts: SummaryFacts, run: RunView, faulty: string, failures: readonly string[]): readonly string[] {
  const problems: string[] = [];
  const expect = (asPromised: boolean, problem: string): void => {
    if (!asPromised) problems.push(problem);
  };
  expect(
    run.status === 'finished',
    `the run is ${run.status}: ${run.waits.map(({ text }) => text).join('; ') || 'it did not end in time'}`,
  );
  for (const [key, flag] of Object.entries(facts.flags)) {
    if (key === faulty) continue;
    const why = run.rollbacks.find(({ flags }) => flags.includes(key))?.reason;
    expect(
      flag.outcome === 'moved',
      `${key} ended at ${flag.finalStage ?? `${flag.finalExposurePercent} %`}${why === undefined ? '' : `: ${why}`}`,
    );
  }
  const bad = facts.flags[faulty];
  expect(
    bad?.outcome === 'rolled-back' && bad.finalExposurePercent === 0,
    `${faulty} was made to fail and is not back on legacy`,
  );
  expect(bad?.rollback?.verified === true, `the rollback of ${faulty} is not verified`);
  expect(bad?.rollback?.withinBudget === true, `the rollback of ${faulty} was not done within its budget`);
  problems.push(...featureProblems(facts.features));
  const failedPages = `${facts.users.pagesFailed} pages failed: ${failures.join('; ')}`;
  expect(facts.users.pagesServed > 0, 'no page was served');
  expect(facts.users.pagesFailed === 0, failedPages);
  const tookMs = facts.thresholdToLegacyMs;
  expect(
    tookMs !== null && tookMs < LEGACY_WITHIN_MS,
    `from the threshold to legacy it took ${tookMs ?? 'an unknown number of'} ms, more than ${LEGACY_WITHIN_MS}`,
  );
  expect(facts.effectsRepeated === 0, `${facts.effectsRepeated} effects were done twice`);
  return problems;
}

const LEAST_COHERENCE = 0.99;

/** What the demo promises of the adapters. */
function featureProblems({ cache, workflows, actions, analyzer, generatorBreaker }: FeatureReport): readonly string[] {
  const promises: readonly (readonly [kept: boolean, problem: string])[] = [
    [(cache.coherence ?? 0) >= LEAST_COHERENCE, `the caches agreed in ${cache.coherence ?? 'none'} of their reads`],
    [cache.owed === 0, `${cache.owed} writes are still owed to one of the caches`],
    [analyzer.compared > 0, 'no answers were compared'],
    [generatorBreaker === 'closed', `the breaker is ${generatorBreaker} after the rollback`],
    [workflows.outlivedMove > 0, 'no workflow outlived the move of its user'],
    [workflows.mixed === 0, `${workflows.mixed} workflows were done on two arms`],
    [actions.takenBack > 0, 'no action was taken back'],
    [actions.half === 0 && actions.owed === 0, `${actions.half + actions.owed} actions are half done`],
    [actions.mixed === 0, `${actions.mixed} actions were done on two arms`],
  ];
  return promises.filter(([kept]) => !kept).map(([, problem]) => problem);
}
