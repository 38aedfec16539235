/** What a command's exit code says; documented in docs/reference/cli.md. */
export const EXIT = {
  /** Done, or the plan ran to its end with everything on the candidate. */
  done: 0,
  /** Failed, or something was rolled back. */
  failed: 1,
  /** The command was not understood, or the plan is not valid. */
  usage: 2,
  /** Held or waiting: for health, time or a person. */
  waiting: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
