import { afterEach, beforeEach, expect, it } from 'vitest';
import { MessageReceiver, type ReceivedMessage } from './message-receiver.ts';

let receiver: MessageReceiver;
let url: string;
let messages: ReceivedMessage[];

beforeEach(async () => {
  messages = [];
  receiver = new MessageReceiver((message) => messages.push(message));
  url = await receiver.start();
});

afterEach(() => receiver.stop());

function post(body: string, key?: string): Promise<Response> {
  return fetch(url, { method: 'POST', body, ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }) });
}

it('shows a message and counts its repetitions by their key', async () => {
  await post('{"text":"low-risk is done"}', 'run/1');
  await post('{"text":"low-risk is done"}', 'run/1');
  await post('{"text":"low-risk is done"}', 'run/2');
  expect(receiver.counts).toEqual({ delivered: 2, duplicates: 1 });
  expect(messages.map(({ duplicate }) => duplicate)).toEqual([false, true, false]);
  expect(messages[0]?.text).toBe('low-risk is done');
});

it('counts messages without a key one by one, and shows what is no JSON as it came', async () => {
  await post('plain words');
  await post('plain words');
  expect(receiver.counts).toEqual({ delivered: 2, duplicates: 0 });
  expect(messages[0]).toEqual({ text: 'plain words', duplicate: false });
});

it('refuses what is not a message', async () => {
  expect((await fetch(url)).status).toBe(405);
  expect((await post('x'.repeat(70_000))).status).toBe(400);
  expect(receiver.counts).toEqual({ delivered: 0, duplicates: 0 });
});
