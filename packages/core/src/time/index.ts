export { formatDuration, parseDuration } from './duration.ts';
export { parseInstant } from './instant.ts';
export { formatOffset, parseOffset } from './offset.ts';
export {
  closesAt,
  isOpen,
  isZone,
  nextOpening,
  openedAt,
  parseWindows,
  type TimeWindow,
  type Weekday,
} from './window.ts';
