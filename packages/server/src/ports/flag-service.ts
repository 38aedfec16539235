import type { FlagDocument, FlagPatch } from '@theseus/core/flag';

/** Flags as they stand now. The document is held in memory; reading it costs nothing. */
export interface FlagService {
  document(): FlagDocument;
  /** Called for each new version with what changed; null when more than flags changed. Returns the unsubscribe function. */
  onChange(listener: (document: FlagDocument, patch: FlagPatch | null) => void): () => void;
}
