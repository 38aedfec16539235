import type { FlagDocument, FlagPatch } from '@theseus/core/flag';

/** Flags as they stand now, environment by environment. Documents are held in memory; reading one costs nothing. */
export interface FlagService {
  /** The same object until the environment changes. An environment that nobody knows has no flags, at version 0. */
  document(environment: string): FlagDocument;
  /** Reads from the database what has changed there since it was last told. */
  refresh(): Promise<void>;
  /**
   * Called for each new version of an environment with what changed there; null when more than flags changed. Patches
   * of one environment follow each other without a gap. Returns the unsubscribe function.
   */
  onChange(listener: (document: FlagDocument, patch: FlagPatch | null, environment: string) => void): () => void;
}
