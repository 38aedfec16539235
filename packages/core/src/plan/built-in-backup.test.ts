import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';

const example = readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8');
const BY_COMMAND = `run: node ops/save.mjs
        capture: { backup_id: 'saved as (\\S+)' }
        undo: node ops/restore.mjs \${{ backup_id }}`;

function parsed(replacement: string) {
  if (!example.includes(BY_COMMAND)) throw new Error('the plan has no such backup');
  return parsePlan(
    example.replace(BY_COMMAND, () => replacement),
    { file: 'plan.yaml' },
  );
}

function errors(replacement: string) {
  return parsed(replacement).diagnostics.filter(({ severity }) => severity === 'error');
}

function backupOf(replacement: string) {
  const { plan, diagnostics } = parsed(replacement);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return plan?.phases.flatMap(({ steps }) => steps).find(({ kind }) => kind === 'backup');
}

describe('a backup that Theseus makes itself', () => {
  it('is dumped, tried by restoring it, and put back by undo [CO-9] [CV-12]', () => {
    const place = '${{ env.THESEUS_PLAN_BREAKERS }}';
    const proof = ['${{ breaker-states_backup }}', '${{ breaker-states_sha256 }}'];
    const argv = (verb: string, ...more: string[]) => [
      'theseus:backup',
      verb,
      'postgres',
      'breaker-states',
      place,
      ...more,
    ];
    expect(backupOf(`postgres: ${place}\n        undo: restore`)).toMatchObject({
      command: { argv: argv('make'), repeatable: true },
      verify: { argv: argv('verify', ...proof), repeatable: true },
      undo: { alternatives: [{ argv: argv('restore', ...proof) }], rehearsable: false },
      captures: [{ name: 'breaker-states_backup' }, { name: 'breaker-states_sha256' }],
    });
  });

  it('is exported over HTTP, and proved by its checksum or a command of the plan [CO-9]', () => {
    const url = 'https://crm.example/export?key=${{ env.THESEUS_PLAN_KEY }}';
    expect(backupOf(`http: '${url}'`)).toMatchObject({
      command: { argv: ['theseus:backup', 'make', 'http', 'breaker-states', url] },
      undo: null,
    });
    const own = 'verify: node ops/look.mjs ${{ breaker-states_backup }}';
    expect(backupOf(`http: '${url}'\n        ${own}`)).toMatchObject({
      verify: { argv: ['node', 'ops/look.mjs', expect.any(String)] },
    });
  });

  it('lets a program named restore be the undo of a backup by a command', () => {
    expect(backupOf(BY_COMMAND.replace(/undo: .*/, 'undo: restore'))).toMatchObject({
      undo: { alternatives: [{ argv: ['restore'] }] },
    });
  });

  it.each([
    ['undo: node x', 'ambiguous-backup', 'write one of: run'],
    ['run: node x\n        postgres: accounts', 'ambiguous-backup', 'write one of: run'],
    ['postgres: accounts\n        http: https://a.example/', 'ambiguous-backup', 'write one of: run'],
    ['postgres: accounts\n        repeatable: true', 'not-with-built-in', 'leave it out'],
    ["postgres: accounts\n        capture: { a: '(b)' }", 'not-with-built-in', 'leave it out'],
    ['postgres: postgres://ada:hunter2@db/accounts', 'secret-in-plan', '${{ env.THESEUS_PLAN_DATABASE }}'],
    ['http: ftp://a.example/', 'invalid-url', 'write http://'],
    ['http: https://a.example/\n        undo: restore', 'invalid-undo', 'write the command that imports'],
  ])('is refused as %s', (replacement, code, mend) => {
    const found = errors(replacement);
    expect(found.map((one) => one.code)).toEqual([code]);
    expect(found[0]?.mend).toContain(mend);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });
});
