export { formatDuration, parseDuration } from './duration.ts';
export { parseInstant } from './instant.ts';
export { formatOffset, parseOffset } from './offset.ts';
export {
  afterOpenMs,
  closesAt,
  isOpen,
  isZone,
  nextOpening,
  openedAt,
  openMsBetween,
  parseWindows,
  type TimeWindow,
  type Weekday,
} from './window.ts';
