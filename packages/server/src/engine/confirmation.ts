import type { InstanceView } from '../ports/telemetry-service.ts';

/** An instance that has not been heard of for so long is silent: it is told of, not waited for. */
export const SILENT_AFTER_MS = 10_000;

type Heard = Pick<InstanceView, 'servedVersion' | 'lastSeen'>;

/**
 * Whether every live instance serves at least this version; null while one does not.
 *
 * A server that has just started, or could hear nobody for a while, counts silence only from when it could hear.
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
