import { type Plan, planHash } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;

beforeAll(async () => {
  theseus = await runningServer();
});

afterAll(() => theseus?.stop());

const hash = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A plan that ends when somebody agrees. */
const asking = (environment: string, contentHash: string): Plan =>
  plan([phase('one', [{ ...common('one/go'), kind: 'approve', by: [], question: 'Go?' }])], {
    name: 'ordered',
    environment,
    after: environment === 'production' ? 'staging' : null,
    contentHash,
  });

async function refusal(checked: Plan): Promise<string> {
  const answer = await theseus.ask(checked);
  expect(answer).toMatchObject({ status: 409, body: { error: { code: 'invalid-state' } } });
  return (answer.body as { error: { message: string } }).error.message;
}

describe('a plan that comes after staging', () => {
  it('starts in production only when exactly its content has succeeded there [CO-8]', async () => {
    const production = asking('production', hash('a'));
    const never = await refusal(production);
    expect(never).toContain(hash('a'));
    expect(never).toContain('nothing of this plan was ever run in staging');

    const aborted = await theseus.begin(asking('staging', hash('a')));
    expect(await refusal(production)).toContain(`run ${aborted} of this content, which is still running`);
    await theseus.command(aborted, { verb: 'abort' });
    await until(async () => (await theseus.view(aborted)).status === 'finished');
    expect(await refusal(production)).toContain(`run ${aborted} of this content, which ended as aborted`);

    const other = await theseus.begin(asking('staging', hash('b')));
    await theseus.command(other, { verb: 'approve' });
    expect((await theseus.view(other)).outcome).toBe('succeeded');
    expect(await refusal(production)).toContain(`run ${aborted} of this content`);
    const third = await refusal(asking('production', hash('c')));
    expect(third).toContain(`run ${other} of other content, ${hash('b')}, which ended as succeeded`);
    expect(third).toContain('run exactly this plan in staging first');

    const same = await theseus.begin(asking('staging', hash('a')));
    await theseus.command(same, { verb: 'approve' });
    const started = await theseus.begin(production);
    expect(await theseus.view(started)).toMatchObject({ environment: 'production', status: 'running' });
    await theseus.begin(asking('production', hash('b')));
  });

  it('cannot be edited in production into what staging has not seen, in a trial either [CO-8]', async () => {
    const staging = await theseus.begin(asking('staging', hash('e')));
    await theseus.command(staging, { verb: 'approve' });
    const running = await theseus.begin(asking('production', hash('e')));
    const next = { ...asking('production', hash('f')), title: 'Another' };
    for (const dryRun of [true, false]) {
      const body = { plan: next, planHash: planHash(next), reason: 'test', dryRun };
      const answer = await theseus.call('PUT', `/api/v1/runs/${running}/plan`, body);
      expect(answer).toMatchObject({ status: 409, body: { error: { code: 'invalid-state' } } });
      expect((answer.body as { error: { message: string } }).error.message).toContain(hash('f'));
    }
    expect((await theseus.view(running)).title).not.toBe('Another');
    const proven = await theseus.begin(asking('staging', hash('f')));
    await theseus.command(proven, { verb: 'approve' });
    const request = { plan: next, planHash: planHash(next), reason: 'test' };
    expect((await theseus.call('PUT', `/api/v1/runs/${running}/plan`, request)).status).toBe(200);
    expect((await theseus.view(running)).title).toBe('Another');
  });

  it('is refused when a plan of another name succeeded under the same hash [CO-8]', async () => {
    const staging = { ...asking('staging', hash('d')), name: 'somebody-elses' };
    await theseus.command(await theseus.begin(staging), { verb: 'approve' });
    expect(await refusal(asking('production', hash('d')))).toContain('other content');
  });
});
