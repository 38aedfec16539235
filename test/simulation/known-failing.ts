/**
 * Invariants that the product is known to break, with what breaks them. They are played and not told, so that they
 * hide nothing else; `--strict` tells them too. An entry goes when its defect is mended.
 */
export const KNOWN_FAILING: Readonly<Record<string, string>> = {
  'hears-of-changes': 'a driver whose server missed a notification never reads the run again by itself',
  'looked-at-after-jump': 'looks are planned on the wall clock, so that a clock set back stops them for as long',
};
