import type { Reading } from '@theseus/core/health';
import type { ReadingRequest } from '../ports/reading-request.ts';
import { noReading } from './reading.ts';

/** What Alertmanager has told. */
export interface HeardAlerts {
  /** Whether an alert of this name with these labels fires, and when Alertmanager spoke last; null where it never did. */
  alert(
    name: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<{ readonly firing: number; readonly heardAt: number | null }>;
}

/**
 * Reads 1 while an alert fires and 0 while it does not. Alertmanager says nothing while nothing fires, so that silence
 * could mean anything: an alert that always fires must be routed here too, for 0 to count.
 */
export async function readAlert(
  alerts: HeardAlerts,
  { signal, now }: ReadingRequest,
  { alert, labels }: { readonly alert: string; readonly labels: Readonly<Record<string, string>> },
): Promise<Reading> {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  const of = { signal: signal.name, source: 'alertmanager', query: `${alert}{${wanted.join(',')}}` };
  const { firing, heardAt } = await alerts.alert(alert, labels);
  if (heardAt === null) {
    return noReading(of, 'no-data', 'Alertmanager has not sent anything yet: point a webhook at /api/v1/alerts');
  }
  const ageMs = Math.max(0, now - heardAt);
  if (firing > 0) return { ...of, status: 'ok', value: 1, ageMs };
  if (ageMs > signal.freshForMs) return { ...of, status: 'stale', value: 0, ageMs };
  return { ...of, status: 'ok', value: 0, ageMs };
}
