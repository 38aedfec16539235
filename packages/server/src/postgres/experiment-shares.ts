import { CONTROL, EXPOSURE_WHOLE, type FlagDefinition } from '@theseus/core/flag';

/** The share of the users that each variant should have, the control first. */
export type Shares = readonly { readonly variant: string; readonly expected: number }[];

/**
 * What exposure and weights say. Where nobody is left on legacy, the first variant is the control; where nobody is on
 * the candidate, nobody is compared.
 *
 * @param odds users on the candidate for each on legacy; null where one of them has none
 */
export function sharesOf({ variants, exposure }: FlagDefinition, odds: number | null): Shares {
  const weights = (variants ?? [{ name: 'candidate', weight: EXPOSURE_WHOLE }]).filter(({ weight }) => weight > 0);
  const among = weights.map(({ name, weight }) => ({ variant: name, expected: weight / EXPOSURE_WHOLE }));
  if (odds === null) return exposure === EXPOSURE_WHOLE ? among : [];
  const candidate = odds / (1 + odds);
  const divided = among.map(({ variant, expected }) => ({ variant, expected: expected * candidate }));
  return [{ variant: CONTROL, expected: 1 - candidate }, ...divided];
}
