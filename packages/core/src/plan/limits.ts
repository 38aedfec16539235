/** The sizes a plan may have; larger ones are refused with the number in the text. */
export const PLAN_LIMITS = {
  /** Bytes of a plan file, counted in UTF-16 units. */
  fileLength: 1_000_000,
  phases: 200,
  stepsPerPhase: 500,
  steps: 5_000,
  flags: 1_000,
  signals: 500,
  gates: 200,
  rulesPerGate: 100,
  segments: 500,
  people: 1_000,
  risks: 200,
  channels: 200,
  messages: 500,
  windows: 100,
  contingencies: 100,
  environments: 20,
  /** People of one exact cohort. */
  cohortCount: 10_000,
  /** Characters of one address, one condition and one command's line: longer ones are mistakes, and slow to judge. */
  urlLength: 4_000,
  conditionLength: 500,
  queryLength: 10_000,
  commandLength: 10_000,
  /** Aliases a YAML file may expand to. */
  aliases: 100,
  /** How deep lists and maps may be nested. */
  depth: 50,
  /** Errors that are told, and as many warnings. */
  problems: 200,
} as const;
