/** The sizes a plan may have; larger ones are refused with the number in the text. */
export const PLAN_LIMITS = {
  /** Bytes of a plan file, counted in UTF-16 units. */
  fileLength: 1_000_000,
  phases: 200,
  stepsPerPhase: 500,
  flags: 1_000,
  signals: 500,
  gates: 200,
  rulesPerGate: 100,
  segments: 500,
  people: 1_000,
  /** Aliases a YAML file may expand to. */
  aliases: 100,
  problems: 200,
} as const;
