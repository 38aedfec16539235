import type { ForesightReport } from './foresight-report.ts';

/** A foresight as NDJSON: every event, then every part of it, and one summary as the last line. */
export function foresightLines(report: ForesightReport): readonly Readonly<Record<string, unknown>>[] {
  const { foresight, findings } = report;
  const { simulation } = foresight;
  return [
    ...simulation.events.map((event) => ({
      kind: 'event',
      ...(event.type === 'run.started' ? { ...event, plan: event.plan.name } : event),
    })),
    ...foresight.timeline.flatMap(({ steps, ...phase }) => [
      { kind: 'phase', ...phase },
      ...steps.map(({ kind, ...step }) => ({ kind: 'step', phase: phase.name, does: kind, ...step })),
    ]),
    ...foresight.cases.map((known) => ({ kind: 'exposure-case', ...known })),
    ...foresight.proofs.flatMap(({ stages, ...ramp }) => stages.map((stage) => ({ kind: 'proof', ...ramp, ...stage }))),
    ...foresight.messages.map((message) => ({ kind: 'message', ...message })),
    ...foresight.approvals.map((approval) => ({ kind: 'approval', ...approval })),
    ...foresight.oneWay.map((step) => ({ kind: 'one-way', ...step })),
    ...findings.map((finding) => ({ kind: 'problem', file: report.file, ...finding })),
    summary(report),
  ];
}

function summary({ foresight, findings, whatIf, seed }: ForesightReport): Readonly<Record<string, unknown>> {
  const { simulation, load, zone, worst, casesLeftOut } = foresight;
  return {
    kind: 'summary',
    outcome: simulation.outcome,
    startedAt: simulation.startedAt,
    endedAt: simulation.endedAt,
    checks: simulation.checks,
    flags: simulation.view.flags.map(({ key, exposurePercent, status }) => ({ key, exposurePercent, status })),
    stuckOn: simulation.stuckOn,
    worst,
    casesLeftOut,
    problems: findings.length,
    messages: foresight.messages.length,
    approvals: foresight.approvals.length,
    oneWay: foresight.oneWay.length,
    ...load,
    zone,
    whatIf,
    seed,
  };
}
