import type { InstanceView } from '../ports/telemetry-service.ts';

/** An instance that has not been heard of for so long is silent: it is told of, not waited for. */
export const SILENT_AFTER_MS = 10_000;

type Heard = Pick<InstanceView, 'servedVersion' | 'lastSeen'>;

/**
 * Whether every live instance serves at least this version; null while one does not.
 *
 * A server that has just started has heard of nobody yet, so silence counts only from its own start.
 */
export function confirmedBy(
  instances: readonly Heard[],
  version: number,
  now: number,
  listeningSince: number,
): { readonly instances: number; readonly silent: number } | null {
  const isSilent = ({ lastSeen }: Heard): boolean => now - Math.max(lastSeen, listeningSince) > SILENT_AFTER_MS;
  const live = instances.filter((instance) => !isSilent(instance));
  if (live.some(({ servedVersion }) => servedVersion < version)) return null;
  return { instances: live.length, silent: instances.length - live.length };
}
