import type { EventType } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { drawScenario } from './draw/draw-scenario.ts';
import { KNOWN_FAILING } from './known-failing.ts';
import { seedOf } from './random.ts';
import { playOptions, playRange, playSeed } from './run-range.ts';

const SEED = 1;
const WITHOUT_BUG = { bug: null, isStrict: false };

/**
 * Whatever can happen to a run does happen in some; a simulator that never gets there proves nothing. Steps that switch a
 * fallback off are not drawn yet: they move nobody, and `fallback-off.test.ts` plays them.
 */
const REACHED: Readonly<Record<Exclude<EventType, 'flag.fallback-changed'>, true>> = {
  'run.started': true,
  'run.paused': true,
  'run.resumed': true,
  'run.finished': true,
  'steps.reset': true,
  'plan.edited': true,
  'phase.started': true,
  'phase.finished': true,
  'step.started': true,
  'step.held': true,
  'step.released': true,
  'step.completed': true,
  'step.skipped': true,
  'step.rolled-back': true,
  'step.warned': true,
  'watch.soaked': true,
  'effect.requested': true,
  'effect.finished': true,
  'flag.exposure-changed': true,
  'flag.exposure-confirmed': true,
  'flag.stage-changed': true,
  'flag.overridden': true,
  'flag.retired': true,
  'flag.unretired': true,
  'approval.requested': true,
  'approval.given': true,
  'approval.rejected': true,
  'rollback.initiated': true,
  'rollback.part-ended': true,
  'rollback.overran': true,
  'rollback.completed': true,
  'rollback.failed': true,
  'freeze.lifted': true,
  'contingency.fired': true,
  'contingency.advanced': true,
  'contingency.ended': true,
};

describe('the simulation', () => {
  it('keeps every invariant in its first runs [CO-11] [ALL-7]', () => {
    const findings = [...playRange({ seed: SEED, runs: 150, first: 0, stride: 1, ...WITHOUT_BUG })].flatMap(
      ({ finding }) => finding ?? [],
    );
    expect(findings).toEqual([]);
  });

  it('plays the same run twice alike', () => {
    for (const index of [3, 17, 40]) {
      const seed = seedOf(SEED, index);
      const [once, twice] = [playSeed(seed, playOptions(WITHOUT_BUG)), playSeed(seed, playOptions(WITHOUT_BUG))];
      expect(once.events.at(-1)?.hash).toBe(twice.events.at(-1)?.hash);
      expect(drawScenario(seed)).toEqual(drawScenario(seed));
    }
  });

  it('reaches every type of event', () => {
    const ALL = Object.keys(REACHED);
    const seen = new Set<string>();
    for (let index = 0; index < 2_000 && seen.size < ALL.length; index += 1) {
      for (const { event } of playSeed(seedOf(SEED, index), playOptions(WITHOUT_BUG)).events) seen.add(event.type);
    }
    expect(ALL.filter((type) => !seen.has(type))).toEqual([]);
  });

  it('draws every kind of step', () => {
    const kinds = Array.from({ length: 60 }, (_, index) => drawScenario(seedOf(SEED, index)).source)
      .flatMap(({ phases }) => phases)
      .flatMap(({ steps }) => steps)
      .flatMap((step) => Object.keys(step));
    expect(kinds).toEqual(
      expect.arrayContaining(['check', 'run', 'backup', 'baseline', 'ramp', 'approve', 'wait', 'watch', 'notify']),
    );
    expect(kinds).toEqual(expect.arrayContaining(['rehearse', 'point', 'freeze', 'retire', 'at', 'takes', 'pace']));
    expect(kinds).toEqual(expect.arrayContaining(['window', 'timeout', 'undo', 'budget', 'irreversible', 'capture']));
  });

  it('tells why each invariant that it does not hold the product to is broken', () => {
    for (const why of Object.values(KNOWN_FAILING)) expect(why.length).toBeGreaterThan(40);
  });
});
