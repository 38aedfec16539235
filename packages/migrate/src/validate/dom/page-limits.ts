/** Limits of one page that is compared: what is larger is refused, since trees made to be slow exist. */
export const PAGE_LIMITS = {
  /** UTF-16 units of source. */
  characters: 4_000_000,
  /** Elements and texts, those that a parser makes up included. */
  nodes: 200_000,
  /** Browsers stop at 512. */
  depth: 6_000,
} as const;
