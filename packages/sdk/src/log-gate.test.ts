import { expect, test } from 'vitest';
import { type LogEntry, LogGate } from './log-gate.ts';

test('LogGate says each trouble once, and once that it is over', () => {
  const lines: LogEntry[] = [];
  const gate = new LogGate((line) => lines.push(line));
  gate.recovered('stream', 'back');
  for (let n = 0; n < 3; n += 1) {
    gate.trouble('stream', 'refused');
    gate.trouble('stream', 'reset', new Error('why'));
    gate.trouble('disk', 'full');
  }
  gate.recovered('stream', 'back');
  gate.recovered('stream', 'back');
  gate.trouble('stream', 'refused');
  expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'warn refused',
    'warn reset',
    'warn full',
    'info back',
    'warn refused',
  ]);
});

test('LogGate falls silent when a trouble has ever new names', () => {
  const lines: LogEntry[] = [];
  const gate = new LogGate((line) => lines.push(line));
  for (let n = 0; n < 1000; n += 1) gate.trouble('stream', `error ${n}`);
  expect(lines).toHaveLength(5);
});

test('LogGate survives a log that throws', () => {
  const gate = new LogGate(() => {
    throw new Error('log');
  });
  expect(() => gate.trouble('stream', 'refused')).not.toThrow();
});
