import type { Plan } from '../plan/index.ts';
import { approvalsOf, type ForeseenApproval } from './approvals.ts';
import { calendarFindings } from './calendar.ts';
import { type ExposureCase, isWorse } from './exposure-case.ts';
import { exposureFindings } from './exposure-findings.ts';
import { type Finding, sortFindings } from './finding.ts';
import { zoneOfPlan } from './local-moment.ts';
import { type ForeseenMessage, messagesOf } from './messages.ts';
import { type OneWayStep, oneWayFindings, oneWayStepsOf } from './one-way-steps.ts';
import { proofFindings } from './proof-findings.ts';
import { proofTimes, type RampProof } from './proof-time.ts';
import { budgetFindings } from './rollback-budgets.ts';
import { resultOf, type SimulationOptions, type SimulationResult } from './simulate.ts';
import { type ExposureSeries, exposureSeriesOf, type PhaseSpan, timelineOf } from './timeline.ts';
import type { Load } from './virtual-run.ts';
import { playWithFaults } from './worst-case.ts';

export interface ForesightOptions extends SimulationOptions {
  readonly load: Load;
  /** IANA name of the zone people live in; that of the plan's first window, or UTC, where absent. */
  readonly zone?: string;
}

/** What a plan has in store, before it touches anything. Plain JSON; moments are epoch milliseconds. */
export interface Foresight {
  readonly plan: { readonly name: string; readonly title: string };
  readonly simulation: SimulationResult;
  readonly load: Load;
  readonly zone: string;
  readonly timeline: readonly PhaseSpan[];
  readonly exposure: readonly ExposureSeries[];
  /** What a fault right after each stage would do, for each rule that takes people back; in the order of time. */
  readonly cases: readonly ExposureCase[];
  /** Cases that were too many to be played. */
  readonly casesLeftOut: number;
  /** The one with the most people times minutes; null when nothing is ever exposed. */
  readonly worst: ExposureCase | null;
  /** How long proof takes, for ramps whose gate compares the arms. */
  readonly proofs: readonly RampProof[];
  readonly messages: readonly ForeseenMessage[];
  readonly approvals: readonly ForeseenApproval[];
  readonly oneWay: readonly OneWayStep[];
  /** The gravest first. */
  readonly findings: readonly Finding[];
}

/**
 * Plays a plan in virtual time, and the faults its gates are there for, by the engine's own decisions.
 *
 * @example foresee(plan, { startAt, whatIf: [], approvalDelayMs: 600_000, seed: 1, load: { users: 10_000, requestsPerUserMinute: 1 } })
 */
export function foresee(plan: Plan, options: ForesightOptions): Foresight {
  const { load, zone = zoneOfPlan(plan) } = options;
  const { run, cases, leftOut } = playWithFaults(plan, options);
  const simulation = resultOf(run, options.startAt);
  const messages = messagesOf(plan, simulation);
  const approvals = approvalsOf(plan, simulation);
  const oneWay = oneWayStepsOf(plan, simulation);
  const proofs = proofTimes(plan, load);
  const findings = [
    ...exposureFindings(plan, cases, load),
    ...proofFindings(plan, load, proofs),
    ...budgetFindings(plan, simulation),
    ...calendarFindings({ plan, result: simulation, zone, approvals, messages }),
    ...oneWayFindings(plan, oneWay),
  ];
  return {
    plan: { name: plan.name, title: plan.title },
    simulation,
    load,
    zone,
    timeline: timelineOf(simulation),
    exposure: exposureSeriesOf(simulation),
    cases,
    casesLeftOut: leftOut,
    worst: worstOf(cases),
    proofs,
    messages,
    approvals,
    oneWay,
    findings: sortFindings(findings),
  };
}

function worstOf(cases: readonly ExposureCase[]): ExposureCase | null {
  return cases.reduce<ExposureCase | null>(
    (worst, known) => (worst === null || isWorse(known, worst) ? known : worst),
    null,
  );
}
