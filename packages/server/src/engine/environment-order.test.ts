import { describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import type { EarlierRun } from '../postgres/run-store.ts';
import { requireSuccessBefore } from './environment-order.ts';

const SAME = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const production = plan([phase('one', [ramp('one', 'cache')])], {
  environment: 'production',
  after: 'staging',
  contentHash: SAME,
});
const seen = (changes: Partial<EarlierRun> = {}): EarlierRun => ({
  runId: 'moving-1',
  contentHash: SAME,
  status: 'finished',
  outcome: 'succeeded',
  isRollingBack: false,
  ...changes,
});

describe('requireSuccessBefore()', () => {
  it('lets a plan that comes after nothing start at any time [CO-8]', () => {
    expect(() => requireSuccessBefore({ ...production, after: null }, null)).not.toThrow();
  });

  it('takes a success of exactly the same content [CO-8]', () => {
    expect(() => requireSuccessBefore(production, seen())).not.toThrow();
  });

  it.each<[string, EarlierRun | null, readonly string[]]>([
    ['nothing', null, ['nothing of this plan was ever run in staging', 'run exactly this plan in staging first']],
    [
      'a success of other content',
      seen({ contentHash: OTHER }),
      [OTHER, 'run moving-1', 'ended as succeeded', 'start here what has succeeded there'],
    ],
    ['a run from before content had a hash', seen({ contentHash: '' }), ['other content, without a hash']],
    ['a run that goes on', seen({ status: 'running', outcome: null }), ['is still running', 'theseus watch moving-1']],
    ['a paused run', seen({ status: 'paused', outcome: null }), ['is paused', 'theseus watch moving-1']],
    [
      'a run that was rolled back',
      seen({ outcome: 'rolled-back' }),
      ['ended as rolled-back', 'theseus report moving-1'],
    ],
    ['a part of it', seen({ outcome: 'partial' }), ['ended as partial', 'run the plan in staging until it succeeds']],
    ['a success that is being taken back', seen({ isRollingBack: true }), ['is being rolled back', 'theseus report']],
  ])('refuses after %s, and says what was asked, what was seen and the mend [CO-8]', (_what, run, texts) => {
    const refused = expect.objectContaining({ code: 'invalid-state' });
    expect(() => requireSuccessBefore(production, run)).toThrow(refused);
    for (const text of [SAME, 'in production', ...texts]) {
      expect(() => requireSuccessBefore(production, run)).toThrow(text);
    }
  });
});
