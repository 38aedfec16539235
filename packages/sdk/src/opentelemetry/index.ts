export { type EvaluationEventsOptions, evaluationEvents } from './evaluation-events.ts';
