import { describe, expect, it } from 'vitest';
import type { TokenHolder } from '../ports/token-service.ts';
import { streamTicket, ticketHolder } from './stream-ticket.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * 24 * HOUR;
const ADA: TokenHolder = { name: 'sdk', role: 'sdk', key: 'a'.repeat(64) };
const EVE: TokenHolder = { name: 'eve', role: 'sdk', key: 'e'.repeat(64) };
const tokens = { bearers: async () => [EVE, ADA] };

const holderOf = (ticket: string, environment = 'default', now = NOW) => ticketHolder(tokens, ticket, environment, now);

describe('streamTicket()', () => {
  it('names its bearer to every server that knows the token, and nobody else', async () => {
    const ticket = streamTicket(ADA, 'default', NOW);
    expect(await holderOf(ticket)).toBe(ADA);
    expect(await ticketHolder({ bearers: async () => [EVE] }, ticket, 'default', NOW)).toBeNull();
    expect(ticket).not.toContain(ADA.key.slice(0, 16));
  });

  it('stays the same for hours, and is void within a day', async () => {
    const ticket = streamTicket(ADA, 'default', NOW);
    expect(streamTicket(ADA, 'default', NOW + 11 * HOUR)).toBe(ticket);
    expect(streamTicket(ADA, 'default', NOW + 12 * HOUR)).not.toBe(ticket);
    expect(await holderOf(ticket, 'default', NOW + 12 * HOUR)).toBe(ADA);
    expect(await holderOf(ticket, 'default', NOW + 24 * HOUR)).toBeNull();
  });

  it.each<[string, (ticket: string) => string]>([
    ['another end', (ticket) => ticket.replace(/\.(\d+)\./, (_whole, end) => `.${Number(end) + 1}.`)],
    ['another signature', (ticket) => `${ticket.slice(0, -1)}${ticket.endsWith('A') ? 'B' : 'A'}`],
    ['no signature', (ticket) => ticket.slice(0, ticket.lastIndexOf('.'))],
    ['nothing', () => ''],
    ['something much longer', (ticket) => ticket.repeat(100)],
  ])('is no ticket with %s', async (_what, spoil) => {
    expect(await holderOf(spoil(streamTicket(ADA, 'default', NOW)))).toBeNull();
  });

  it('opens one environment only [CO-8]', async () => {
    expect(await holderOf(streamTicket(ADA, 'staging', NOW), 'production')).toBeNull();
  });
});
