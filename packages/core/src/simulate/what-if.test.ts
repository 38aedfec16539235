import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, undoBy } from '../../test-support/given-plan.ts';
import type { Step } from '../plan/index.ts';
import { isActiveAt, parseWhatIf } from './what-if.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const check = (id: string): Step => ({
  ...common(id),
  kind: 'check',
  probe: { kind: 'command', command: { argv: ['x'], repeatable: true }, expect: { exitCode: 0, contains: null } },
});
const given = plan([
  phase('one', [check('one/check'), ramp('one', 'cache', { undo: undoBy('undo') })]),
  phase('two', [check('two/check'), check('two/last')], ['one']),
]);

describe('parseWhatIf()', () => {
  it.each([
    ['errors=8% at 2h', { kind: 'signal', signal: 'errors', value: 8, atMs: 2 * HOUR }],
    [
      'errors[cache]=8 at 1h30m for 10m',
      { kind: 'signal', signal: 'errors', value: 8, atMs: 1.5 * HOUR, flag: 'cache', forMs: 10 * MINUTE },
    ],
    [' errors = silent at 1h ', { kind: 'signal', signal: 'errors', value: null, atMs: HOUR }],
    ['instances=slow 30s at 1d', { kind: 'instances', delayMs: 30_000, atMs: 24 * HOUR }],
    ['approval=4h', { kind: 'approval', delayMs: 4 * HOUR, atMs: 0 }],
    ['approval[one/cache]=4h at 1h', { kind: 'approval', delayMs: 4 * HOUR, atMs: HOUR, stepId: 'one/cache' }],
    ['effect[one/check]=fail at 5m', { kind: 'effect', stepId: 'one/check', outcome: 'failed', atMs: 5 * MINUTE }],
    ['effect[last]=unknown', { kind: 'effect', stepId: 'two/last', outcome: 'unknown', atMs: 0 }],
    ['undo[cache]=fail', { kind: 'undo', stepId: 'one/cache', outcome: 'failed', atMs: 0 }],
  ])('reads %j', (text, expected) => expect(parseWhatIf(text, given)).toEqual([expected]));

  it('reads several that are joined, in their order', () => {
    const faults = parseWhatIf('errors=8% at 2h and approval=4h  and instances=slow 1s', given);
    expect(faults.map(({ kind }) => kind)).toEqual(['signal', 'approval', 'instances']);
  });

  it.each([
    ['', 'write'],
    ['errors', 'write'],
    ['errors=8%', "write 'errors=8% at 2h'"],
    ['errors=8% at 2 weeks', 'write'],
    ['errors=8% at soon', 'write 30m'],
    ['errors=8ms at 2h', 'measured in percent'],
    ['erors=8% at 2h', "did you mean 'errors'?"],
    ['errors[cahce]=8% at 2h', "did you mean 'cache'?"],
    ['instances=30s', 'instances=slow 30s'],
    ['approval=later', 'write 30m'],
    ['effect=fail', 'effect[phase/step]=fail'],
    ['effect[one/chekc]=fail', "did you mean 'one/check'?"],
    ['effect[check]=fail', 'one/check or two/check'],
    ['effect[last]=slow', 'effect[last]=unknown'],
    ['effect[cache]=fail', 'name a check'],
    ['undo[one/check]=fail', 'has no undo'],
    ['errors=8% at 2h and', 'write'],
  ])('refuses %j with the mend', (text, mend) => expect(() => parseWhatIf(text, given)).toThrow(mend));
});

describe('isActiveAt()', () => {
  it('holds from its moment on and ends before its time is over', () => {
    const [fault] = parseWhatIf('errors=8% at 10m for 5m', given);
    if (fault === undefined) throw new Error('there is a fault');
    const minutes = [9, 10, 14, 15].map((minute) => isActiveAt(fault, minute * MINUTE));
    expect(minutes).toEqual([false, true, true, false]);
  });
});
