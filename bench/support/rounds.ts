import { type Measured, measuredOf } from './figure.ts';

/** CPU of this process and wall time of one round, milliseconds. */
interface Spent {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Plays one round after another, the first unmeasured, so that what is timed is warm. */
export function rounds(count: number, work: () => unknown): { readonly cpu: Measured; readonly wall: Measured } {
  work();
  const all = Array.from({ length: count }, () => spentOn(work));
  return { cpu: measuredOf(all.map(({ cpuMs }) => cpuMs)), wall: measuredOf(all.map(({ wallMs }) => wallMs)) };
}

function spentOn(work: () => unknown): Spent {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1_000, wallMs: performance.now() - startedAt };
}

/** So many at once, until all are done. */
export async function atOnce<Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, next));
}
