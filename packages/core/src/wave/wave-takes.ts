import { EXPOSURE_WHOLE } from '../flag/index.ts';
import type { SharedWave, WaveSize } from './wave-size.ts';

/** How many a wave is to take, as a plan writes it. Shares are parts of 100 000. */
export type WaveTake =
  | { readonly kind: 'all' }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'remaining' | 'share'; readonly share: number };

const COUNT = /^[1-9]\d{0,8}$/;
const SHARE = /^(\d+(?:\.\d+)?)\s*%(?:\s+of\s+(all|(?:the\s+)?remaining))?$/;

/** Reads `50`, `25%`, `25% of all`, `40% of remaining` or `all`; null where it is none. */
export function parseTake(text: string): WaveTake | null {
  const written = text.trim();
  if (written === 'all') return { kind: 'all' };
  if (COUNT.test(written)) return { kind: 'count', count: Number(written) };
  const [, number, of] = SHARE.exec(written) ?? [];
  // Read as text moves a point, so that 0.1 % is a whole number of parts.
  const share = number === undefined ? Number.NaN : Number(`${number}e3`);
  if (!Number.isInteger(share) || share < 1 || share > EXPOSURE_WHOLE) return null;
  return { kind: of?.endsWith('remaining') ? 'remaining' : 'share', share };
}

/** A wave of a migration, with what it takes. */
export interface TakingWave {
  readonly wave: string;
  readonly take: WaveTake;
}

export type WaveSizing =
  | { readonly wave: string; readonly kind: 'size'; readonly size: WaveSize }
  | { readonly wave: string; readonly kind: 'problem'; readonly message: string; readonly mend: string };

/**
 * The sizes of all waves of one migration, in the order in which they are taken, and what cannot be right about them.
 *
 * Waves that follow each other and take shares of the remaining are one series: each share is of those who had no wave when the
 * first of them was chosen, and not of the ever fewer who are left. Any other wave ends the series; the next begins one anew.
 */
export function sizeWaves(waves: readonly TakingWave[]): readonly WaveSizing[] {
  const sized: WaveSizing[] = [];
  const names = new Set<string>();
  let series: readonly SharedWave[] = [];
  let ofAll = 0;
  let last: string | null = null;
  for (const { wave, take } of waves) {
    const size = sizeOf(take, series);
    series = take.kind === 'remaining' ? [...series, { wave, share: take.share }] : [];
    ofAll += take.kind === 'share' ? take.share : 0;
    sized.push(problemOf({ wave, isKnown: names.has(wave), last, series, ofAll }) ?? { wave, kind: 'size', size });
    names.add(wave);
    if (take.kind === 'all' || sumOf(series) >= EXPOSURE_WHOLE) last ??= wave;
  }
  return sized;
}

function sizeOf(take: WaveTake, series: readonly SharedWave[]): WaveSize {
  switch (take.kind) {
    case 'all':
    case 'count':
      return take;
    case 'share':
      return { kind: 'share', share: take.share };
    case 'remaining':
      return { kind: 'remaining', share: take.share, after: series };
  }
}

interface SizedWave {
  readonly wave: string;
  readonly isKnown: boolean;
  /** The wave that takes all who are left; null while none does. */
  readonly last: string | null;
  /** With this wave. */
  readonly series: readonly SharedWave[];
  readonly ofAll: number;
}

function problemOf({ wave, isKnown, last, series, ofAll }: SizedWave): WaveSizing | null {
  const tell = (message: string, mend: string): WaveSizing => ({ wave, kind: 'problem', message, mend });
  if (isKnown) return tell(`there is a wave '${wave}' already`, 'give it another name');
  const remaining = sumOf(series);
  if (last !== null && remaining <= EXPOSURE_WHOLE) {
    return tell(
      `nobody is left for wave '${wave}': '${last}' takes all who remain`,
      `put it before '${last}', or remove it`,
    );
  }
  if (remaining > EXPOSURE_WHOLE) {
    const message = `the waves ${series.map((one) => `'${one.wave}'`).join(', ')} take ${remaining / 1_000} % of the same remaining subjects`;
    return tell(
      message,
      'shares of the remaining are of those who remain before the first of them: 100 % together is the most',
    );
  }
  if (ofAll <= EXPOSURE_WHOLE) return null;
  return tell(
    `waves up to '${wave}' take ${ofAll / 1_000} % of all`,
    "100 % together is the most; 'take: all' takes the rest",
  );
}

function sumOf(series: readonly SharedWave[]): number {
  return series.reduce((sum, { share }) => sum + share, 0);
}
