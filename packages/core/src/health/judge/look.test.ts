import { describe, expect, it } from 'vitest';
import { type Trouble, TwoArms, type World } from '../../../test-support/two-arms.ts';
import type { ArmCounts, ArmPair } from './arm-counts.ts';
import { explainJudgement } from './explain.ts';
import { beginJudge, type JudgeSetting, type JudgeState } from './judge-state.ts';
import { look } from './look.ts';
import { PROFILES, type ProfileName } from './profile.ts';

const LOOKS = 120;

function settingFor(profile: ProfileName = 'balanced', more: Partial<JudgeSetting> = {}): JudgeSetting {
  return {
    profile: PROFILES[profile],
    looks: LOOKS,
    warmUpLooks: 2,
    errorLimit: 0.05,
    metrics: ['errors', 'latency', 'throughput'],
    prior: { requests: 50_000, errors: 250 },
    segments: ['large', 'small'],
    everyMs: 30_000,
    ...more,
  };
}

interface Played {
  readonly state: JudgeState;
  /** The look, counted from 1, at which it failed; null where it did not. */
  readonly failedAt: number | null;
}

function play(
  world: Partial<World>,
  troubleAt: (look: number) => Trouble = () => ({}),
  setting: JudgeSetting = settingFor(),
  looks = LOOKS,
): Played {
  const arms = new TwoArms(world);
  let state = beginJudge(setting, { counting: 'from-zero' });
  for (let at = 1; at <= looks; at += 1) {
    state = look(setting, state, arms.look(troubleAt(at)));
    if (state.verdict?.verdict === 'fail') return { state, failedAt: at };
  }
  return { state, failedAt: null };
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('look()', () => {
  it('passes what is no worse, by evidence of its own, and rolls none of it back [CV-3]', () => {
    const verdicts = SEEDS.map((seed) => play({ seed }).state.verdict?.verdict);
    expect(verdicts.filter((verdict) => verdict === 'fail')).toEqual([]);
    expect(verdicts.filter((verdict) => verdict === 'pass').length).toBeGreaterThanOrEqual(6);
  });

  it.each<[string, Trouble, string, number]>([
    ['errors x5', { errorFactor: 5 }, 'errors', 30],
    ['errors x40', { errorFactor: 40 }, 'errors', 6],
    ['latency x1.5', { slowerBy: 1.5 }, 'latency', 40],
    ['latency x2', { slowerBy: 2 }, 'latency', 8],
    ['throughput x0.6', { served: 0.6 }, 'throughput', 60],
    ['a candidate that serves nobody', { served: 0 }, 'throughput', 6],
    ['one segment of ten', { smallSegment: 0.2 }, 'errors', 60],
  ])('finds %s, and blames the right metric [CV-3] [XR-4]', (_name, trouble, metric, within) => {
    for (const seed of SEEDS) {
      const { state, failedAt } = play({ seed }, () => trouble);
      expect(state.verdict).toMatchObject({ verdict: 'fail', metric });
      expect(failedAt).toBeLessThanOrEqual(within);
    }
  });

  it('names the segment that errors are clearest in', () => {
    const { state } = play({ seed: 3 }, () => ({ smallSegment: 0.2 }));
    expect(explainJudgement(settingFor(), state).text).toContain('most clearly in segment small');
  });

  it('finds what comes late, also after a week of quiet', () => {
    const looks = 2_000;
    const { failedAt } = play(
      { seed: 2, active: 60 },
      (at) => (at > 1_900 ? { errorFactor: 30 } : {}),
      settingFor('balanced', { looks }),
      looks,
    );
    expect(failedAt).toBeGreaterThan(1_900);
  });

  it('never convicts by one look alone: a blip is no release gone bad', () => {
    for (const seed of SEEDS) {
      expect(play({ seed }, (at) => (at === 20 ? { errorFactor: 60 } : {}), settingFor(), 21).failedAt).toBeNull();
    }
  });

  it('does not blame the candidate for the weather: an incident on both arms is the environment [CV-3]', () => {
    for (const seed of SEEDS) {
      const { state, failedAt } = play({ seed }, (at) => (at > 40 ? { incident: 0.15 } : {}), settingFor(), 60);
      expect(failedAt).toBeNull();
      expect(state.verdict).toMatchObject({ verdict: 'inconclusive', reason: 'environment' });
      expect(explainJudgement(settingFor(), state).text).toMatch(/^legacy itself fails 1\d % .*usually 0\.\d+ %/);
    }
  });

  it('still finds a candidate that is far worse in the middle of an incident', () => {
    const { state } = play({ seed: 4 }, () => ({ incident: 0.05, smallSegment: 0.5 }));
    expect(state.verdict).toMatchObject({ verdict: 'fail', metric: 'errors' });
  });

  it('cannot tell when nobody comes [CV-3]', () => {
    const { state } = play({ seed: 1 }, () => ({ noTraffic: true }));
    expect(state.verdict).toMatchObject({ verdict: 'inconclusive', reason: 'no-traffic' });
  });

  it.each([
    ['is down', { counts: null, problem: 'connection refused' }, 'connection refused'],
    ['says nothing of why', { counts: null }, 'the source has no counts'],
  ])('cannot tell while the source %s, whatever it saw before [CV-3]', (_name, answer, problem) => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 1 });
    let state = beginJudge(setting, { counting: 'from-zero' });
    for (let at = 0; at < 100; at += 1) state = look(setting, state, arms.look());
    const { evidence } = state.verdict ?? { evidence: Number.NaN };
    state = look(setting, state, arms.comparison(answer));
    expect(state.verdict).toMatchObject({ verdict: 'inconclusive', reason: 'no-data', problem, evidence });
    expect(explainJudgement(setting, state).text).toBe(problem);
  });

  it('takes NaN for no data, never for a number [CV-3]', () => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 1 });
    const seen = arms.look();
    const counts = seen.counts && { ...seen.counts, candidate: { ...seen.counts.candidate, requests: Number.NaN } };
    const state = look(setting, beginJudge(setting, { counting: 'from-zero' }), { ...seen, counts });
    expect(state.verdict).toMatchObject({ verdict: 'inconclusive', reason: 'no-data' });
    expect(JSON.stringify(state)).not.toContain('null,null');
  });

  it('uses at once what was counted while it was blind', () => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 2 });
    let state = beginJudge(setting, { counting: 'from-zero' });
    for (let at = 0; at < 5; at += 1) state = look(setting, state, arms.look());
    for (let at = 0; at < 20; at += 1) {
      arms.look({ errorFactor: 6 });
      state = look(setting, state, arms.comparison({ counts: null }));
    }
    for (let at = 0; at < 3; at += 1) state = look(setting, state, arms.look({ errorFactor: 6 }));
    expect(state.verdict).toMatchObject({ verdict: 'fail', metric: 'errors' });
  });

  it('begins to count anew when a counter shrank, and holds nothing against anybody', () => {
    const setting = settingFor();
    const first = new TwoArms({ seed: 1 });
    let state = beginJudge(setting, { counting: 'from-zero' });
    for (let at = 0; at < 10; at += 1) state = look(setting, state, first.look());
    const again = new TwoArms({ seed: 2 });
    state = look(setting, state, again.look());
    expect(state.verdict).toMatchObject({ verdict: 'inconclusive', problem: 'the counters began anew' });
    state = look(setting, state, again.look());
    expect(state.verdict).toMatchObject({ reason: 'needs-data', problem: null });
  });

  it('keeps user sums of two epochs apart', () => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 1 });
    let state = beginJudge(setting, { counting: 'from-zero' });
    for (let at = 0; at < 10; at += 1) state = look(setting, state, arms.look());
    const seen = arms.look();
    const fresh = new TwoArms({ seed: 3 }).look().counts;
    const counts = seen.counts &&
      fresh && {
        legacy: { ...seen.counts.legacy, users: fresh.legacy.users },
        candidate: { ...seen.counts.candidate, users: fresh.candidate.users },
      };
    expect(look(setting, state, { ...seen, counts, epoch: 1 }).verdict).toMatchObject({ problem: null });
    expect(look(setting, state, { ...seen, counts }).verdict).toMatchObject({ problem: 'the counters began anew' });
  });

  it('takes its first counts for what it begins at, unless they count from zero', () => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 1 });
    const state = look(setting, beginJudge(setting), arms.look());
    expect(state.verdict).toMatchObject({ verdict: 'inconclusive', problem: 'counting begins' });
    expect(state.judged.candidate.requests).toBe(0);
  });

  it('stays with a failure', () => {
    const { state } = play({ seed: 1 }, () => ({ errorFactor: 40 }));
    expect(look(settingFor(), state, new TwoArms({ seed: 1 }).look())).toBe(state);
  });

  it('goes on from a JSON row exactly as it would have', () => {
    const setting = settingFor();
    const arms = new TwoArms({ seed: 5 });
    let kept = beginJudge(setting, { counting: 'from-zero' });
    let restarted = kept;
    for (let at = 0; at < 60; at += 1) {
      const seen = arms.look(at > 30 ? { errorFactor: 2 } : {});
      kept = look(setting, kept, seen);
      restarted = look(setting, JSON.parse(JSON.stringify(restarted)) as JudgeState, seen);
    }
    expect(restarted).toEqual(kept);
  });

  it('keeps its state within 8 kB for months, with eight segments', () => {
    const segments = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const setting = settingFor('balanced', { segments, looks: 20_000 });
    const { counts } = new TwoArms({ seed: 1 }).look();
    let state = beginJudge(setting);
    let largest = 0;
    for (let at = 1; at <= 20_000; at += 1) {
      const grown = (arm: 'legacy' | 'candidate'): ArmCounts => ({
        ...(times(counts?.[arm], at) as ArmCounts),
        segments: segments.map(() => ({ requests: at * 900, errors: at * 5 })),
      });
      const pair: ArmPair = { legacy: grown('legacy'), candidate: grown('candidate') };
      state = look(setting, state, new TwoArms({ seed: 1 }).comparison({ counts: pair, at }));
      if (at % 100 === 0) largest = Math.max(largest, JSON.stringify(state).length);
    }
    expect(largest).toBeGreaterThan(2_000);
    expect(largest).toBeLessThanOrEqual(8_192);
  });

  it.each<[ProfileName, number, string]>([
    ['strict', 1.6, 'fail'],
    ['balanced', 1, 'pass'],
    ['tolerant', 1, 'pass'],
  ])('is as %s as its profile', (profile, errorFactor, verdict) => {
    const setting = settingFor(profile, { looks: 480 });
    const { state } = play({ seed: 6 }, () => ({ errorFactor }), setting, 480);
    expect(state.verdict?.verdict).toBe(verdict);
  });

  it('judges only the metrics it is asked to', () => {
    const setting = settingFor('balanced', { metrics: ['errors'], errorLimit: null });
    expect(play({ seed: 1 }, () => ({ slowerBy: 3 }), setting).failedAt).toBeNull();
  });

  it('is sure of an absolute limit only by evidence', () => {
    const setting = settingFor('balanced', { metrics: ['errors'], prior: { requests: 0, errors: 0 } });
    const both = (at: number): Trouble => (at > 0 ? { errorFactor: 20 } : {});
    expect(play({ seed: 1, errorRate: 0.004 }, both, setting).state.verdict).toMatchObject({ verdict: 'fail' });
  });

  it('says the same of the same runs, release after release', () => {
    const golden = SEEDS.slice(0, 4).flatMap((seed) =>
      [{}, { errorFactor: 3 }, { slowerBy: 1.25 }].map((trouble) => {
        const { state, failedAt } = play({ seed }, () => trouble, settingFor(), 60);
        const { verdict, metric, evidence } = state.verdict ?? {};
        return `${seed} ${JSON.stringify(trouble)}: ${verdict} ${metric} at ${failedAt}, ${evidence?.toPrecision(4)}`;
      }),
    );
    expect(golden).toMatchInlineSnapshot(`
      [
        "1 {}: pass null at null, 0.1912",
        "1 {"errorFactor":3}: fail errors at 17, 20.50",
        "1 {"slowerBy":1.25}: fail latency at 10, 56.35",
        "2 {}: pass null at null, 0.1771",
        "2 {"errorFactor":3}: fail errors at 11, 24.99",
        "2 {"slowerBy":1.25}: fail latency at 8, 22.36",
        "3 {}: pass null at null, 0.2721",
        "3 {"errorFactor":3}: fail errors at 13, 28.38",
        "3 {"slowerBy":1.25}: fail latency at 11, 32.71",
        "4 {}: pass null at null, 0.2005",
        "4 {"errorFactor":3}: fail errors at 25, 37.19",
        "4 {"slowerBy":1.25}: fail latency at 13, 28.23",
      ]
    `);
  });
});

function times(value: unknown, by: number): unknown {
  if (typeof value === 'number') return value * by;
  if (Array.isArray(value)) return value.map((each) => times(each, by));
  return Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, times(each, by)]));
}
