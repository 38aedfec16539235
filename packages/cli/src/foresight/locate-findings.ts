import { extname } from 'node:path';
import { locateInPlan } from '@theseus/core/plan';
import type { Finding } from '@theseus/core/simulate';
import type { LocatedFinding } from './foresight-report.ts';

/** Findings with the lines of the file that they are about. */
export function locateFindings(findings: readonly Finding[], file: string, text: string): readonly LocatedFinding[] {
  // The text of a plan in TypeScript is what it evaluates to: its lines are not those of the file.
  const locate = ['.yaml', '.yml', '.json'].includes(extname(file)) ? locateInPlan(text) : () => null;
  return findings.map((finding) => {
    const line = locate(finding.path)?.line ?? null;
    return { ...finding, line, place: line === null ? file : `${file}:${line}` };
  });
}
