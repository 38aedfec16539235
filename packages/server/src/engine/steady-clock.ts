/** A clock that is set back goes on at this part of its speed until the time it had told has come. */
const CATCHING_UP = 0.5;

export interface Clocks {
  /** The machine's time, epoch milliseconds; it may be set. */
  readonly wall: () => number;
  /** Milliseconds since some moment; it only ever grows. */
  readonly monotonic: () => number;
}

const MACHINE: Clocks = { wall: Date.now, monotonic: () => performance.now() };

/**
 * Epoch milliseconds that never go back and never stand still: it follows the machine's time forward, and where that is
 * set back it goes on more slowly until it agrees with it again. Soaks and time-outs then take longer, never shorter.
 */
export function steadyClock({ wall, monotonic }: Clocks = MACHINE): () => number {
  let told = wall();
  let askedAt = monotonic();
  return () => {
    const now = monotonic();
    told = Math.max(wall(), told + (now - askedAt) * CATCHING_UP);
    askedAt = now;
    return Math.floor(told);
  };
}
