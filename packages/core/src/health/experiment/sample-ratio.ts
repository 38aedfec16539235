import { logGamma } from './log-gamma.ts';

/** So seldom may the check ever refuse an experiment whose split is as it should be. */
export const SAMPLE_RATIO_ALPHA = 0.0005;

/** How strongly a mismatch is believed to be small before anything was seen, in users. */
const CONCENTRATION = 100;

export interface ObservedShare {
  readonly variant: string;
  readonly users: number;
  /** The share of all users that it should have, above 0. */
  readonly expected: number;
}

/**
 * Whether users are divided as they should be, for as long as nothing speaks against it. Where they are not, somebody is lost on the way to one
 * variant, and its rate is that of other people.
 *
 * The sequential test of Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022): the Bayes factor of a Dirichlet
 * around the expected shares against these shares. It may be looked at as often as one likes, where the p-value of a
 * chi-square test that is asked daily is below any level at last.
 *
 * @returns the evidence for a mismatch; 1 is none, and `1 / SAMPLE_RATIO_ALPHA` is enough
 */
export function sampleRatioEvidence(shares: readonly ObservedShare[]): number {
  const whole = shares.reduce((sum, { expected }) => sum + expected, 0);
  const users = shares.reduce((sum, share) => sum + share.users, 0);
  if (shares.length < 2 || users === 0) return 1;
  let logFactor = logGamma(CONCENTRATION) - logGamma(CONCENTRATION + users);
  for (const share of shares) {
    const expected = share.expected / whole;
    const prior = CONCENTRATION * expected;
    logFactor += logGamma(prior + share.users) - logGamma(prior) - share.users * Math.log(expected);
  }
  return Math.exp(Math.min(logFactor, LARGEST_LOG));
}

/** JSON knows no infinity. */
const LARGEST_LOG = 700;

/** What is wrong with the split, in numbers; null while nothing is. */
export function sampleRatioProblem(shares: readonly ObservedShare[]): string | null {
  if (sampleRatioEvidence(shares) < 1 / SAMPLE_RATIO_ALPHA) return null;
  const whole = shares.reduce((sum, { expected }) => sum + expected, 0);
  const users = shares.reduce((sum, share) => sum + share.users, 0);
  const told = shares.map(
    ({ variant, users: seen, expected }) =>
      `${variant} has ${percent(seen / users)} of the users and should have ${percent(expected / whole)}`,
  );
  return `the users are not divided as they should be, so no comparison can be trusted: ${told.join(', ')}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
