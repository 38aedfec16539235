/** What `theseus init` writes: small, valid, and each part explained. */
export const STARTER_PLAN = `# yaml-language-server: $schema=./.theseus/plan.schema.json
plan: first-rollout
title: The new search moves in
cohort: userId                    # the attribute that is bucketed

signals:                          # what is measured; telemetry comes from the SDK
  errors: { telemetry: error-rate }
  latency: { telemetry: latency-p95 }

gates:                            # what decides whether it goes on
  standard:
    every: 30s
    rules:
      - errors > 5%: rollback now
      - latency > 800ms for 2m: rollback now
      - latency > 2x baseline for 2m: rollback over 5m
      - latency > 1.5x baseline: warn

risks:                            # how carefully, by kind
  low:
    through: [10%, 25%, 50%, 75%, 100%]
    soak: 30m

flags:
  new-search: { risk: low }

channels:
  log: { console: true }

messages:
  moved: '{{ plan.title }}: done'

phases:
  - phase: prepare
    steps:
      - baseline: { over: 1h }
  - phase: move
    steps:
      - ramp: new-search
        gate: standard
      - notify: log
        message: moved
`;
