/** Who requires whom among the flags, by key; keys of flags that do not exist (yet) may appear. */
export class PrerequisiteGraph {
  readonly #dependents = new Map<string, Set<string>>();

  /** Notes that `key` requires each of `required`. */
  connect(key: string, required: readonly string[]): void {
    for (const other of required) {
      const known = this.#dependents.get(other);
      if (known === undefined) this.#dependents.set(other, new Set([key]));
      else known.add(key);
    }
  }

  /** Takes back {@link connect}. */
  disconnect(key: string, required: readonly string[]): void {
    for (const other of required) {
      const known = this.#dependents.get(other);
      known?.delete(key);
      if (known?.size === 0) this.#dependents.delete(other);
    }
  }

  /** Every flag that requires `key`, directly or through others. */
  allDependents(key: string): ReadonlySet<string> {
    const found = new Set<string>();
    const open = [key];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const dependent of this.#dependents.get(next) ?? []) {
        if (found.has(dependent)) continue;
        found.add(dependent);
        open.push(dependent);
      }
    }
    return found;
  }

  /**
   * Every flag that `key` requires, directly or through others, each once; 'unsatisfiable' when one is unknown or the
   * requirements run in a circle. Walks with a stack of its own: a chain may be longer than the call stack is deep.
   *
   * @param requiresOf what a flag requires; undefined for an unknown flag
   */
  allRequiredBy(
    key: string,
    requiresOf: (key: string) => readonly string[] | undefined,
  ): readonly string[] | 'unsatisfiable' {
    const done = new Set<string>();
    const onPath = new Set<string>([key]);
    const path: { readonly key: string; readonly requires: readonly string[]; next: number }[] = [];
    path.push({ key, requires: requiresOf(key) ?? [], next: 0 });
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const required = step.requires[step.next];
      step.next += 1;
      if (required === undefined) {
        path.pop();
        onPath.delete(step.key);
        done.add(step.key);
      } else if (onPath.has(required)) {
        return 'unsatisfiable';
      } else if (!done.has(required)) {
        const requires = requiresOf(required);
        if (requires === undefined) return 'unsatisfiable';
        onPath.add(required);
        path.push({ key: required, requires, next: 0 });
      }
    }
    done.delete(key);
    return [...done];
  }
}
