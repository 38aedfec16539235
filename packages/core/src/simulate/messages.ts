import type { Channel, Plan } from '../plan/index.ts';
import type { SimulationResult } from './simulate.ts';

/** A message that would go out. */
export interface ForeseenMessage {
  readonly at: number;
  /** The step that sends it; null where it is no step's. */
  readonly stepId: string | null;
  readonly channel: string;
  /** Where it goes, without the part of an address that may be a secret: `webhook to hooks.example`. */
  readonly destination: string;
  /** As it would read, with its fields filled in. */
  readonly text: string;
  /** Whether the simulated channel took it. */
  readonly delivered: boolean;
}

/** Every message of a simulation, in the order of time. */
export function messagesOf(plan: Plan, { events }: SimulationResult): readonly ForeseenMessage[] {
  const failed = new Set(
    events.flatMap((event) =>
      event.type === 'effect.finished' && event.result.outcome !== 'succeeded' ? event.effectId : [],
    ),
  );
  return events.flatMap((event): readonly ForeseenMessage[] => {
    if (event.type !== 'effect.requested' || event.effect.request.kind !== 'message') return [];
    const { id, purpose, request } = event.effect;
    const message = {
      at: event.at,
      stepId: purpose.kind === 'step' ? purpose.stepId : null,
      channel: request.channel,
      destination: destinationOf(plan.channels[request.channel]),
      text: request.text,
      delivered: !failed.has(id),
    };
    return [message];
  });
}

/** Many addresses of webhooks are passwords; nothing but the host is shown. */
function destinationOf(channel: Channel | undefined): string {
  if (channel?.kind !== 'webhook') return "the server's log";
  const host = /^https?:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(channel.url)?.[1];
  return host === undefined ? 'webhook' : `webhook to ${host}`;
}
