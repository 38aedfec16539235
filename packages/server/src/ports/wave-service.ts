import type { ScoreBound, WaveCounts, WavePermit, WaveProgress, WaveRule, WaveSelection } from '@theseus/core/wave';
import type { Client } from './database.ts';

/** Names a wave everywhere: unique in an environment. */
export interface WaveKey {
  readonly environment: string;
  /** The migration's name in the plan. */
  readonly migration: string;
  readonly wave: string;
}

/** Who is chosen for a wave, and by what its work is bounded. Everything a worker needs; frozen when the wave is selected. */
export interface WaveOrder extends WaveRule {
  readonly key: WaveKey;
  readonly runId: string;
  readonly stepId: string;
  /** The flag that answers candidate for whoever is validated; null where none does. */
  readonly flag: string | null;
  readonly handler: HandlerPlace;
  readonly source: SubjectSource;
  /** Subjects of one call. */
  readonly batch: number;
  /** Batches under way at the same time, over all workers. */
  readonly concurrency: number;
  /** Subjects in a second, over all workers; null where nothing bounds it. */
  readonly perSecond: number | null;
  readonly deadlineMs: number;
  readonly attempts: number;
  /** What each subject's validation must reach. */
  readonly bounds: readonly ScoreBound[];
  /** How long each subject is watched after it was validated; 0 where it is not. */
  readonly watchMs: number;
}

export type HandlerPlace =
  /** A module by the path that the plan gives, for workers that allow it. */
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

export type SubjectSource =
  | { readonly kind: 'handler' }
  | { readonly kind: 'sql'; readonly database: string; readonly query: string }
  | { readonly kind: 'http'; readonly url: string }
  /** CSV or NDJSON. */
  | { readonly kind: 'file'; readonly path: string };

/** The ledger, as the engine sees it. */
export interface WaveService {
  /** Streams the subjects into the ledger, chooses the wave's and freezes them. Done before: says the same again. */
  select(order: WaveOrder, signal: AbortSignal): Promise<WaveSelection>;
  /** What {@link select} would choose; nothing is kept. */
  preview(order: WaveOrder, signal: AbortSignal): Promise<WaveSelection>;
  /** Within the transaction that records the decision. */
  permit(client: Client, key: WaveKey, permit: WavePermit): Promise<void>;
  /** Asks for failed subjects to be validated again, within the transaction that records the decision; counts of validations begin anew. */
  revalidate(client: Client, key: WaveKey): Promise<void>;
  progress(key: WaveKey): Promise<WaveProgress | null>;
  counts(environment: string, migration: string): Promise<WaveCounts>;
}
