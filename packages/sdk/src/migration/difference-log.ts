import type { Difference } from '@theseus/core/compare';
import {
  DIFFERENCE_PATH_LENGTH,
  DIFFERENCE_PATH_LIMIT,
  DIFFERENCE_SAMPLE_LENGTH,
  DIFFERENCE_SAMPLE_LIMIT,
  type DifferenceKind,
  type DifferencePath,
  type DifferenceSample,
} from '@theseus/core/health';

/** What stands for a value in samples. Unless given, only types and lengths are shown. */
export type Redact = (
  value: unknown,
  place: { readonly path: string; readonly side: 'legacy' | 'candidate' },
) => string;

interface Kept {
  readonly path: string;
  readonly kind: DifferenceKind;
  count: number;
  readonly samples: DifferenceSample[];
}

/** Where what does not fit is counted. */
const ELSEWHERE = '…';

/** Differences grouped by path and kind. Counts only grow; memory is bounded whatever comes. */
export class DifferenceLog {
  readonly #kept = new Map<string, Kept>();

  /** @returns whether `redact` has failed; types and lengths are then kept instead */
  add(differences: readonly Difference[], redact: Redact): { readonly redactFailed: boolean } {
    let redactFailed = false;
    for (const difference of differences) {
      const kept = this.#group(difference.path.slice(0, DIFFERENCE_PATH_LENGTH), difference.kind);
      kept.count += 1;
      if (kept.path === ELSEWHERE || kept.samples.length >= DIFFERENCE_SAMPLE_LIMIT) continue;
      const legacy = shown(redact, difference, 'legacy');
      const candidate = shown(redact, difference, 'candidate');
      redactFailed ||= legacy === undefined || candidate === undefined;
      const sample = {
        legacy: legacy ?? describeValue(difference.legacy),
        candidate: candidate ?? describeValue(difference.candidate),
      };
      // The same again says nothing new and would take the place of what does.
      if (!kept.samples.some((known) => known.legacy === sample.legacy && known.candidate === sample.candidate)) {
        kept.samples.push(sample);
      }
    }
    return { redactFailed };
  }

  /** The most frequent first. */
  toPaths(): readonly DifferencePath[] {
    return [...this.#kept.values()]
      .sort((one, other) => other.count - one.count)
      .map(({ path, kind, count, samples }) => ({ path, kind, count, samples: [...samples] }));
  }

  #group(path: string, kind: DifferenceKind): Kept {
    const key = `${kind} ${path}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    if (this.#kept.size >= DIFFERENCE_PATH_LIMIT && path !== ELSEWHERE) return this.#group(ELSEWHERE, 'changed');
    const kept: Kept = { path, kind, count: 0, samples: [] };
    this.#kept.set(key, kept);
    return kept;
  }
}

function shown(
  redact: Redact,
  { path, legacy, candidate }: Difference,
  side: 'legacy' | 'candidate',
): string | undefined {
  try {
    const text: unknown = redact(side === 'legacy' ? legacy : candidate, { path, side });
    return typeof text === 'string' ? printable(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Control characters and halves of characters cannot be stored as JSON everywhere. */
function printable(text: string): string {
  return text.slice(0, DIFFERENCE_SAMPLE_LENGTH).replace(/[\p{Cc}\p{Cs}]/gu, '·');
}

/** A value by type and length: never what it says. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (typeof value === 'string') return `string(${value.length})`;
  if (Array.isArray(value)) return `list(${value.length})`;
  if (value instanceof Date) return 'date';
  if (ArrayBuffer.isView(value)) return `bytes(${value.byteLength})`;
  if (typeof value !== 'object') return typeof value;
  if (value instanceof Map || value instanceof Set) return `${value instanceof Map ? 'map' : 'set'}(${value.size})`;
  return `object(${Object.keys(value).length})`;
}
