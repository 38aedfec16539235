import { applyPatch, type CompiledFlags, compileFlags, type FlagDocument, type FlagPatch } from '@theseus/core/flag';

/** A new version is being served. */
export interface FlagChange {
  readonly version: number;
  /** Keys of flags that were added, removed or defined anew, or whose segments were. */
  readonly changed: readonly string[];
}

/**
 * The flags this instance answers from. Versions only ever grow: a server that was restored or failed over
 * and offers an older one takes nothing back.
 */
export class FlagStore {
  #flags: CompiledFlags | undefined;
  readonly #onApplied: (change: () => FlagChange) => void;

  /** @param onApplied gets the change as a function: comparing two whole documents is work that may not be wanted */
  constructor(onApplied: (change: () => FlagChange) => void) {
    this.#onApplied = onApplied;
  }

  /** Undefined while nothing is known. */
  get flags(): CompiledFlags | undefined {
    return this.#flags;
  }

  /** 0 while nothing is known. */
  get version(): number {
    return this.#flags?.version ?? 0;
  }

  /** Takes a whole document over unless it is no newer. */
  offerDocument(document: FlagDocument): 'applied' | 'same' | 'older' {
    const before = this.#flags;
    if (before !== undefined && document.version === before.version) return 'same';
    if (before !== undefined && document.version < before.version) return 'older';
    this.#flags = compileFlags(document);
    this.#onApplied(() => ({ version: document.version, changed: changedKeys(before?.toDocument(), document) }));
    return 'applied';
  }

  /** Takes a patch over if it follows the version at hand; at a gap the whole document is needed. */
  offerPatch(patch: FlagPatch): 'applied' | 'known' | 'gap' {
    if (this.#flags === undefined) return 'gap';
    if (patch.version <= this.#flags.version) return 'known';
    if (patch.from !== this.#flags.version) return 'gap';
    applyPatch(this.#flags, patch);
    const changed = [...Object.keys(patch.flags), ...patch.removed];
    this.#onApplied(() => ({ version: patch.version, changed }));
    return 'applied';
  }
}

function changedKeys(before: FlagDocument | undefined, after: FlagDocument): string[] {
  if (before === undefined) return Object.keys(after.flags);
  const segments = changedEntries(before.segments, after.segments);
  const changed = changedEntries(before.flags, after.flags);
  for (const [key, definition] of Object.entries(after.flags)) {
    const { rules, audience } = definition;
    const isOf = segments.has(audience?.segment ?? '') || rules.some(({ segment }) => segments.has(segment));
    if (isOf) changed.add(key);
  }
  return [...changed];
}

function changedEntries(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Set<string> {
  const old = new Map(Object.entries(before));
  const changed = new Set<string>();
  for (const [key, value] of Object.entries(after)) {
    if (JSON.stringify(old.get(key)) !== JSON.stringify(value)) changed.add(key);
    old.delete(key);
  }
  for (const key of old.keys()) changed.add(key);
  return changed;
}
