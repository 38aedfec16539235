import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from '../plan/index.ts';
import type { RolloutEvent } from './event.ts';
import type { RecordedEvent } from './recorded-event.ts';

/** The hash that the first event of a run is linked to. */
export function genesisHash(runId: string): string {
  return digest(`theseus run ${runId}`);
}

/** Numbers an event and links it to the one before. */
export function recordEvent(runId: string, seq: number, previousHash: string, event: RolloutEvent): RecordedEvent {
  return { runId, seq, event, previousHash, hash: linkHash(runId, seq, previousHash, event) };
}

/** The first place where a log is not what was written, or null when it is whole. Truncation at the end does not show. */
export function findBrokenLink(
  events: readonly RecordedEvent[],
): { readonly seq: number; readonly why: string } | null {
  let previousHash: string | null = null;
  for (const [index, recorded] of events.entries()) {
    const expected: string = previousHash ?? genesisHash(recorded.runId);
    if (recorded.seq !== index + 1)
      return { seq: index + 1, why: `event ${index + 1} is missing, ${recorded.seq} stands there` };
    if (recorded.previousHash !== expected)
      return { seq: recorded.seq, why: 'it is not linked to the event before it' };
    const hash = linkHash(recorded.runId, recorded.seq, recorded.previousHash, recorded.event);
    if (hash !== recorded.hash) return { seq: recorded.seq, why: 'its content does not match its hash' };
    previousHash = recorded.hash;
  }
  return null;
}

function linkHash(runId: string, seq: number, previousHash: string, event: RolloutEvent): string {
  return digest(`${runId}\n${seq}\n${previousHash}\n${canonicalJson(event)}`);
}

function digest(text: string): string {
  return `sha256:${bytesToHex(sha256(utf8ToBytes(text)))}`;
}
