export { formatDuration, parseDuration } from './duration.ts';
export { parseInstant } from './instant.ts';
export { type DailyWindow, isInsideWindow, isZone, nextOpening, parseWindow } from './window.ts';
