import { Doctor } from '../engine/doctor/doctor.ts';
import type { Finding } from '../ports/doctor.ts';
import { openDatabase } from '../postgres/database.ts';
import { RunStore } from '../postgres/run-store.ts';
import { TelemetryStore } from '../postgres/telemetry-store.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { prometheusFrom, signalReaderFor } from './signal-reader-for.ts';

/** Examines a database and all that is in it from this very process, for when no server answers. */
export async function examineFromHere(
  databaseUrl: string,
  planVariables: readonly string[] = [],
): Promise<readonly Finding[]> {
  const database = openDatabase({ connectionString: databaseUrl, maxConnections: 2, onError: () => undefined });
  const telemetry = new TelemetryStore(database);
  const prometheus = prometheusFrom(undefined);
  const fillSecrets = planSecrets(process.env, planVariables);
  const here = { allowRun: false, workFolder: process.cwd(), prometheus, fillSecrets };
  const sources = signalReaderFor(database, telemetry, here);
  try {
    const doctor = new Doctor({
      database,
      runs: new RunStore(),
      readAll: sources.readAll,
      fillSecrets,
      now: Date.now,
    });
    return await doctor.examine();
  } finally {
    await sources.close();
    await database.close();
  }
}
