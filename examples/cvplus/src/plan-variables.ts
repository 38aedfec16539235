import type { ServiceUrls } from './front.ts';
import { SERVER_NAMES } from './services/service-catalog.ts';

export interface Addresses {
  readonly frontUrl: string;
  readonly messagesUrl: string;
  readonly services: ServiceUrls;
  /** The folder of the operating scripts. */
  readonly ops: string;
  readonly backups: string;
}

/** The values of the plan's variables: where the demo's parts are this time. */
export function planVariables({
  frontUrl,
  messagesUrl,
  services,
  ops,
  backups,
}: Addresses): Readonly<Record<string, string>> {
  const legacy = SERVER_NAMES.map((service) => [service.replaceAll('-', '_'), services[service].legacy] as const);
  return {
    ...Object.fromEntries(legacy),
    circuit_breaker_candidate: services['circuit-breaker'].candidate,
    front: frontUrl,
    messages: messagesUrl,
    ops,
    backups,
  };
}
