/**
 * Invariants that the product is known to break, with what breaks them. They are played and not told, so that they
 * hide nothing else; `--strict` tells them too. An entry goes when its defect is mended.
 */
export const KNOWN_FAILING: Readonly<Record<string, string>> = {
  retried: 'a retry of a ramp, watch or question that its time-out holds is held again in the same decision',
  'time-out-ends': 'a ramp that timed out before its first stage can be neither retried nor promoted',
  prerequisites:
    'a ramp that has begun and waits for approval or window enters its first stage though what it requires was rolled back',
  'hears-of-changes': 'a driver whose server missed a notification never reads the run again by itself',
  'looked-at-after-jump': 'looks are planned on the wall clock, so that a clock set back stops them for as long',
  'fresh-evidence':
    'a verdict is obeyed however old it has grown since, by a process that was paused between judging and writing',
  'descent-ends':
    'a descent that is overdue has no next moment, so that nothing wakes the run once its timer fired early',
};
