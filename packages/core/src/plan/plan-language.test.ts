import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';

const plan = readFileSync(new URL('../../test-support/launch-plan.yaml', import.meta.url), 'utf8');
const UNDO = "try: ['node ops/revert.mjs', 'node ops/restore.mjs ${{ backup_id }}']";
const ASKED = 'onlyIf: { run: node ops/is-the-cause.mjs }';
const QUIET = 'Mon-Fri 02:00-04:00 UTC; weekends UTC';
const STAGES = '0% for 48h, 10% for 1d, 100%';
const LAUNCH = 'launch: 2026-05-05T09:00[Europe/Berlin]';

function changed(find: string, replacement: string): string {
  if (!plan.includes(find)) throw new Error(`the plan has no ${find}`);
  return plan.replace(find, () => replacement);
}

/** Each diagnostic: its code, the text it points at to the end of the line, what is wrong, and the mend. */
function told(text: string, environment: string) {
  return parsePlan(text, { file: 'plan.yaml', environment }).diagnostics.map((diagnostic) => ({
    code: diagnostic.code,
    at: text.split('\n')[diagnostic.line - 1]?.slice(diagnostic.column - 1),
    message: diagnostic.message,
    mend: diagnostic.mend,
  }));
}

type Case = readonly [find: string, replacement: string, code: string, at: string, mend: string];

/** One mistake is one diagnostic, exactly where it stands, with the mend. */
function refuses(cases: readonly Case[], environment = 'production'): void {
  it.each(cases)('%s → %s', (find, replacement, code, at, mend) => {
    const found = told(changed(find, replacement), environment);
    expect(found.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(found[0]?.at?.slice(0, at.length)).toBe(at);
    expect(found[0]?.mend).toContain(mend);
    expect(found[0]?.message.length).toBeGreaterThan(5);
  });
}

describe('the plan language [ALL-1]', () => {
  it.each(['staging', 'production'])('is whole as it stands in %s', (environment) => {
    expect(told(plan, environment)).toEqual([]);
  });
});

describe('windows [ALL-1, PX-6]', () => {
  refuses([
    [QUIET, 'Mon-Fry 02:00-04:00 UTC', 'invalid-window', 'Mon-Fry', 'Mon-Fri 22:00-02:00 Europe/Berlin'],
    [QUIET, 'Mon-Fri 02:00-04:00', 'invalid-window', 'Mon-Fri 02:00-04:00', "write '02:00-04:00 UTC'"],
    [QUIET, 'Mon-Fri 25:00-04:00 UTC', 'invalid-window', 'Mon-Fri 25', "write '02:00-04:00 UTC'"],
    [QUIET, '02:00-04:00 Mars/Olympus', 'invalid-window', '02:00-04:00 Mars', 'Europe/Berlin'],
    [QUIET, '02:00-04:00 UTC;', 'invalid-window', '02:00-04:00 UTC;', "write '02:00-04:00 UTC'"],
    [QUIET, '03:00-03:00 UTC', 'invalid-window', '03:00-03:00', "write '02:00-04:00 UTC'"],
    [QUIET, '[02:00-04:00 UTC]', 'wrong-type', '[02:00', 'put it in quotes'],
    ['window: quiet', 'window: quite', 'invalid-window', 'quite', "did you mean 'quiet'?"],
    ['window: quiet', 'window: 2-4 UTC', 'invalid-window', '2-4 UTC', "write '02:00-04:00 UTC'"],
    ['        window: quiet\n', '', 'missing-window', 'pace', 'window: Mon,Wed,Fri 10:00-12:00 UTC'],
    ['pace: one per window', 'pace: one per day', 'invalid-value', 'one per day', 'one per window'],
  ]);
});

describe('the expected traffic', () => {
  const traffic = (source: string) => `${LAUNCH}\ntraffic: ${source}`;

  it.each([
    ['{ users: 1250 }', { users: 1_250, requestsPerUserMinute: 1 }],
    ['{ users: 1250, requests: 0.5 }', { users: 1_250, requestsPerUserMinute: 0.5 }],
  ])('%s is read', (source, expected) => {
    const given = changed(LAUNCH, traffic(source));
    expect(parsePlan(given, { file: 'plan.yaml', environment: 'production' }).plan?.traffic).toEqual(expected);
  });

  it('may be another in an environment', () => {
    const given = changed('after: staging', 'after: staging\n    traffic: { users: 7 }');
    expect(parsePlan(given, { file: 'plan.yaml', environment: 'production' }).plan?.traffic?.users).toBe(7);
    expect(parsePlan(given, { file: 'plan.yaml', environment: 'staging' }).plan?.traffic).toBeUndefined();
  });

  refuses([
    [LAUNCH, traffic('{ users: 0 }'), 'wrong-size', '0', '1'],
    [LAUNCH, traffic('{ users: many }'), 'wrong-type', 'many', 'number'],
    [LAUNCH, traffic('{ usres: 3, users: 3 }'), 'unknown-key', 'usres', "did you mean 'users'?"],
  ]);
});

describe('the timeline [ALL-1, QA-3]', () => {
  refuses([
    ['at: T-30m', 'at: T minus 30m', 'invalid-moment', 'T minus', "write 'T-30m'"],
    ['at: T-30m', 'at: T-30', 'invalid-moment', 'T-30', "write 'T-30m'"],
    ['at: T-30m', 'at: 30m', 'invalid-moment', '30m', "write 'T-30m'"],
    [LAUNCH, 'launch: next tuesday', 'invalid-instant', 'next tuesday', '2026-05-05T09:00[Europe/Berlin]'],
    ['takes: 10m', 'takes: ten minutes', 'invalid-duration', 'ten minutes', '1h30m'],
    ['takes: 10m', 'taeks: 10m', 'unknown-key', 'taeks', "did you mean 'takes'?"],
  ]);

  it('tells each moment that counts from a T which nobody names', () => {
    const found = told(changed(`${LAUNCH}\n`, ''), 'production');
    expect(found.map(({ code, at }) => [code, at])).toEqual([
      ['missing-launch', 'T-30m'],
      ['missing-launch', 'T'],
    ]);
    expect(found[0]?.mend).toContain("at the top: 'launch: 2026-05-05T09:00[Europe/Berlin]'");
    expect(told(changed(`${LAUNCH}\n`, ''), 'staging')).toEqual([]);
  });
});

describe('undo [ALL-1, QA-9]', () => {
  refuses([
    [ASKED, 'onlyIf: node ops/is-the-cause.mjs', 'wrong-type', 'node ops', 'write a map'],
    [ASKED, 'onlyIf: { http: example }', 'invalid-url', 'example', 'https://'],
    [ASKED, "onlyIf: { run: 'node x | y' }", 'invalid-command', "'node x", 'put it into a script'],
    [ASKED, 'onlyif: { run: node x }', 'unknown-key', 'onlyif', "did you mean 'onlyIf'?"],
    [ASKED, 'onlyIf: { run: node x, expect: { exitcode: 0 } }', 'unknown-key', 'exitcode', "did you mean 'exitCode'?"],
    [UNDO, 'try: []', 'wrong-size', '[]', 'write at least 1 entry'],
    [UNDO, 'try: node ops/revert.mjs', 'wrong-type', 'node ops', 'write a list'],
    [UNDO, "tri: ['node ops/revert.mjs']", 'unknown-key', 'tri', "did you mean 'try'?"],
    ['node ops/restore.mjs ${{ backup_id }}', 'node x && y', 'invalid-command', "'node x", 'put it into a script'],
    ['attempts: 2', 'attempts: 0', 'wrong-size', '0', 'write a number of at least 1'],
    ['attempts: 2', 'attempts: 11', 'wrong-size', '11', 'write a number of at most 10'],
    ['attempts: 2', 'attempts: two', 'wrong-type', 'two', 'write a number'],
    ['rehearsable: true', 'rehearsable: always', 'wrong-type', 'always', 'write true or false'],
    ['budget: 10m', 'budget: 10 mins', 'invalid-duration', '10 mins', "did you mean '10m'?"],
  ]);

  it('tells an artefact nobody captures, there and where it would be rehearsed', () => {
    const found = told(changed('restore.mjs ${{ backup_id }}', 'restore.mjs ${{ backup }}'), 'production');
    expect(found.map(({ code }) => code)).toEqual(['unknown-artefact', 'rehearsal-order']);
    expect(found[0]).toMatchObject({ at: "'node ops/restore.mjs ${{ backup }}']", mend: 'captured are: backup_id' });
  });
});

describe('exposures with soaks of their own [ALL-1, XR-2]', () => {
  refuses([
    [STAGES, '0% for 48 hours, 100%', 'invalid-duration', '0% for 48 hours', "did you mean '48h'?"],
    [STAGES, '10% over 48h, 100%', 'invalid-percentage', '10% over', 'write a percentage'],
    [STAGES, '10%, 0%, 100%', 'invalid-percentage', '0%', 'the smallest share'],
    [STAGES, '50% for 1h, 10% for 1h', 'shrinking-percentage', '10% for 1h', '10%'],
    [STAGES, '{ 10%: 48h }, 100%', 'wrong-type', '{ 10%', 'put it in quotes'],
    [`${STAGES}], soak: 1h`, '10% for 48h, 50%]', 'missing-soak', '50%', "'50% for 48h', or all of them"],
    [STAGES, '10% for 0s, 100%', 'no-soak', '10% for 0s', 'such as 30m'],
  ]);
});

describe('rehearsals, points and freezes [ALL-1, CV-12, QA-5, QA-13]', () => {
  refuses([
    ['rehearse: rollback', 'rehearse: rolback', 'wrong-type', 'rolback', 'write rollback or a map'],
    ['rehearse: rollback', 'rehearse: { phase: prepar }', 'unknown-phase', 'prepar', "did you mean 'prepare'?"],
    ['rehearse: rollback', 'rehearse: { flag: cash }', 'unknown-flag', 'cash', 'there are: cache'],
    ['rehearse: rollback', 'rehearse: { step: x }', 'unknown-key', 'step', 'there are: phase, flag'],
    ['rehearse: rollback', 'rehearse: { phase: move }', 'nothing-to-rehearse', '{ phase', 'rehearsable: true'],
    ['rehearsable: true', 'rehearsable: false', 'nothing-to-rehearse', 'rollback', 'rehearsable: true'],
    [
      '- point: before-the-move\n',
      '- point: before-the-move\n      - point: before-the-move\n',
      'duplicate-point',
      'before-the-move',
      'another name',
    ],
    ['to before-the-move', 'to before-the-mov', 'unknown-point', 'rollback to before-the-mov', "'before-the-move'"],
    ['rollback to before-the-move', 'rollback to', 'invalid-action', 'rollback to', 'rollback to POINT now'],
    ['        lift: node ops/freeze.mjs off\n', '', 'missing-key', 'freeze', "add 'lift:'"],
    ['freeze.mjs off', 'freeze.mjs off > log', 'invalid-command', 'node ops/freeze.mjs off >', 'into a script'],
    ['freeze.mjs off', 'freeze.mjs ${{ ticket }}', 'unknown-artefact', 'node ops', "add 'capture: { ticket"],
    ['freeze: node', 'frieze: node', 'unknown-step', 'frieze', "did you mean 'freeze'?"],
    ['flags: [cache] }', 'flags: [cash] }', 'unknown-flag', 'cash', 'there are: cache'],
    ['watch: { for: 1w, flags: [cache] }', 'watch: 1w', 'wrong-type', '1w', 'write a map'],
    ['for: 1w', 'for: a week', 'invalid-duration', 'a week', '8w'],
  ]);
});

describe('contingencies [ALL-1, QA-11]', () => {
  refuses([
    ['errors > 20% for 5m', 'erors > 20%', 'unknown-signal', 'when', "did you mean 'errors'?"],
    ['errors > 20% for 5m', 'errors > 20', 'invalid-bound', 'when', 'a bound like 5%'],
    ['errors > 20% for 5m', 'errors > 20% for five', 'invalid-duration', 'when', '1h30m'],
    ['errors > 20% for 5m', 'errors too high', 'invalid-condition', 'when', "'errors > 5%'"],
    ['errors > 20% for 5m', 'errors > 2x baseline', 'missing-baseline', 'errors > 2x', 'baseline: { over: 24h }'],
    ['    flag: cache\n    do', '    do', 'missing-flag', 'provider-is-slow', "add 'flag: its-key'"],
    ['    flag: cache\n', '    flag: cash\n', 'unknown-flag', 'cash', 'there are: cache'],
    ['- rollback: cache', '- rollback: cash', 'unknown-flag', 'cash', 'there are: cache'],
    ['- run: node ops/tighten.mjs', '- rum: node ops/tighten.mjs', 'unknown-key', 'rum', "did you mean 'run'?"],
    ['ops/tighten.mjs', 'ops/tighten.mjs | tee', 'invalid-command', 'node ops', 'put it into a script'],
    ['tighten.mjs', 'tighten.mjs ${{ backup }}', 'unknown-artefact', 'node ops', 'captured are: backup_id'],
    ['- notify: on-call', '- notify: oncall', 'unknown-channel', 'oncall', "did you mean 'on-call'?"],
    ['        message: slow\n', '        message: slwo\n', 'unknown-message', 'slwo', "did you mean 'slow'?"],
    ['on-call\n        message: slow\n', 'on-call\n', 'missing-key', 'notify', "add 'message:'"],
    ['again: 1h', 'again: hourly', 'invalid-duration', 'hourly', '1h30m'],
    ['again: 1h', 'agian: 1h', 'unknown-key', 'agian', "did you mean 'again'?"],
  ]);
});

describe('what follows a rollback [ALL-1, QA-9, XR-5]', () => {
  refuses([
    ['scale-down.mjs', 'scale-down.mjs; ls', 'invalid-command', 'node ops/scale-down.mjs; ls', 'into a script'],
    ['scale-down.mjs', 'scale-down.mjs ${{ node }}', 'unknown-artefact', 'node ops', 'captured are: backup_id'],
    ['- run: node ops/scale-down.mjs', '- rollback: cache', 'unknown-key', 'rollback', 'there are: run, notify'],
    ['message: back }', 'message: bakc }', 'unknown-message', 'bakc', "did you mean 'back'?"],
    ['escalate: { notify: on-call', 'escalate: { notify: oncall', 'unknown-channel', 'oncall', "'on-call'"],
    ['escalate: { notify: on-call, message: slow }', 'escalate: on-call', 'wrong-type', 'on-call', 'write a map'],
    ['  afterwards:', '  afterward:', 'unknown-key', 'afterward', "did you mean 'afterwards'?"],
    ['trouble.target', 'trouble.traget', 'unknown-field', "'{{ trouble.traget", "'trouble.target'"],
  ]);
});

describe('environments [ALL-1, CO-8]', () => {
  refuses(
    [
      ['through: [100%]', 'through: [100]', 'wrong-type', '100]', 'put it in quotes'],
      ['through: [100%]', 'throgh: [100%]', 'unknown-key', 'throgh', "did you mean 'through'?"],
      ['    risks: { low', '    riks: { low', 'unknown-key', 'riks', "did you mean 'risks'?"],
      ['quiet: daily UTC', 'quiet: dayly UTC', 'invalid-window', 'dayly', "write '02:00-04:00 UTC'"],
      ['launch: 2026-05-04T09:00:00Z', 'launch: 4 May', 'invalid-instant', '4 May', '2026-05-05T09:00'],
      ['launch: 2026-05-04T09:00:00Z', 'after: production', 'cycle', 'after', 'remove one of the arrows'],
      ['  staging:\n', '  Staging:\n', 'unknown-environment', 'environments', "did you mean 'Staging'?"],
    ],
    'staging',
  );
  refuses([
    ['after: staging', 'after: stagin', 'unknown-environment', 'after', "did you mean 'staging'?"],
    ['after: staging', 'after: production', 'unknown-environment', 'after', 'staging'],
    ['after: staging', 'before: staging', 'unknown-key', 'before', 'there are: after'],
  ]);
});
