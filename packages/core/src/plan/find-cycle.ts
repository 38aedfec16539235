/** Every circle of names that wait for each other, each told once: `[a, b, a]`. Takes no stack, however long a chain is. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const done = new Set<string>();
  const cycles: (readonly string[])[] = [];
  for (const start of edges.keys()) {
    const trail: { readonly name: string; next: number }[] = done.has(start) ? [] : [{ name: start, next: 0 }];
    const onTrail = new Set(trail.map(({ name }) => name));
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const target = edges.get(top.name)?.[top.next];
      top.next += 1;
      if (target === undefined) {
        done.add(top.name);
        onTrail.delete(top.name);
        trail.pop();
      } else if (onTrail.has(target)) {
        const names = trail.map(({ name }) => name);
        cycles.push([...names.slice(names.indexOf(target)), target]);
      } else if (!done.has(target) && edges.has(target)) {
        trail.push({ name: target, next: 0 });
        onTrail.add(target);
      }
    }
  }
  return cycles;
}
