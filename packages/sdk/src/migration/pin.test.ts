import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flagAt, givenMigrations, givenSides } from '../../test-support/given-migration.ts';
import { readPin, writePin } from './pin.ts';

const WHO = { userId: 'user-1' };

function given() {
  const sides = givenSides('async');
  const world = givenMigrations(flagAt('rampdown'));
  const migration = world.migrations.define('moved', {
    read: sides,
    write: { legacy: sides.legacy, candidate: sides.candidate },
  });
  return { ...world, sides, migration };
}

describe('a pin', () => {
  test('keeps work where it began whatever the flag says since [CV-8]', async () => {
    const { migration, become, sides, migrations } = given();
    const pin: string = JSON.parse(JSON.stringify(migration.pin(WHO)));
    for (const now of [flagAt('off'), flagAt('rampdown', {}, { exposure: 0 }), flagAt('complete')]) {
      become(now);
      expect(await migration.read(WHO, 1, { pin })).toBe('candidate');
      expect(migration.stage(WHO, { pin })).toBe('rampdown');
      sides.calls.length = 0;
      await migration.write(WHO, 1, { pin });
      expect(sides.calls).toEqual(['candidate', 'legacy']);
    }
    become(flagAt('off'));
    expect(await migration.read(WHO, 1)).toBe('legacy');
    await migrations.close();
  });

  test('keeps work that began on legacy from the candidate [CV-8]', async () => {
    const { migration, become } = given();
    become(flagAt('rampdown', {}, { exposure: 0 }));
    const pin = migration.pin(WHO);
    become(flagAt('rampdown'));
    expect(await migration.read(WHO, 1, { pin })).toBe('legacy');
    expect(await migration.read(WHO, 1)).toBe('candidate');
  });

  test('gives way to an emergency stop unless it is asked to keep [CV-8]', async () => {
    const { migration, become } = given();
    const pin = migration.pin(WHO);
    become(flagAt('rampdown', {}, { enabled: false }));
    expect(await migration.read(WHO, 1, { pin })).toBe('legacy');
    expect(await migration.read(WHO, 1, { pin, keep: true })).toBe('candidate');
  });

  test('holds where the flag is not known any more', async () => {
    const { migration, become } = given();
    const pin = migration.pin(WHO);
    become({ ...flagAt('off'), key: 'another' });
    expect(await migration.read(WHO, 1, { pin })).toBe('candidate');
    expect(await migration.read(WHO, 1)).toBe('legacy');
  });

  test('counts pinned requests on their own arm, compared with nobody', async () => {
    const { migration, become, telemetry } = given();
    const pin = migration.pin(WHO);
    become(flagAt('off', {}, { exposure: 0, epoch: 3 }));
    await migration.read(WHO, 1, { pin });
    expect(telemetry().moved.candidate).toMatchObject({ requests: 1 });
  });

  test.each([
    ['', /no pin/],
    ['nonsense', /no pin/],
    [writePin({ flag: 'other', arm: 'candidate', stage: 'live', version: 1 }), /belongs to 'other'/],
    [writePin({ flag: 'moved', arm: 'candidate', stage: 'live', version: 1 }).replace('m1.c.3', 'm1.c.2'), /check/],
  ])('that is %j is ignored, and said so [CV-8]', async (pin, why) => {
    const { migration, messages } = given();
    expect(await migration.read(WHO, 1, { pin })).toBe('candidate');
    expect(messages()).toEqual([expect.stringMatching(why)]);
  });

  test('is read back as it was written, and any change of it is found [CV-8]', () => {
    const place = fc.record({
      flag: fc.string({ minLength: 1, unit: 'binary' }),
      arm: fc.constantFrom('legacy', 'candidate'),
      stage: fc.constantFrom('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'),
      version: fc.nat(),
    });
    fc.assert(
      fc.property(place, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (pinned, at, other) => {
        const pin = writePin(pinned);
        expect(readPin(pin, pinned.flag)).toEqual({ kind: 'pin', pinned });
        const place = at % pin.length;
        const changed = pin.slice(0, place) + other + pin.slice(place + 1);
        if (changed !== pin) expect(readPin(changed, pinned.flag).kind).toBe('invalid');
      }),
    );
  });
});
