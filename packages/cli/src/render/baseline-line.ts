import type { BaselineView } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';

const UNITS = { percent: ' %', ms: ' ms', count: '', 'per-second': '/s' } as const;

/** `cache: latency 150 ms over 4w, 1200000 requests, by hour of the week (160 of 168 known from 4 weeks)` */
export function baselineLine(view: BaselineView): string {
  const { flag, signal, value, unit } = view;
  const of = flag === null ? '' : `${flag}: `;
  return [`${of}${signal} ${withUnit(value, unit)}${overText(view)}`, sampleText(view), shapeText(view)]
    .filter((part) => part !== '')
    .join(', ');
}

/** A value for people, with its unit where that was kept. */
export function withUnit(value: number, unit: BaselineView['unit']): string {
  return `${Number(value.toPrecision(4))}${unit === null ? '' : UNITS[unit]}`;
}

function overText({ over }: BaselineView): string {
  if (over === null) return '';
  return over.from === over.to ? ' at one moment' : ` over ${formatDuration(over.to - over.from)}`;
}

export function sampleText({ sample }: BaselineView): string {
  return sample === null ? '' : `${sample.count} ${sample.of}`;
}

export function shapeText({ shape, noShape }: BaselineView): string {
  if (shape !== null) return `by hour of the week (${shape.covered} of ${shape.of} known from ${shape.weeks} weeks)`;
  return noShape === null ? '' : `the same at every hour: ${noShape}`;
}
