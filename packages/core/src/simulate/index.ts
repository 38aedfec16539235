export { forecast } from './forecast.ts';
export { type SimulationOptions, type SimulationResult, simulate } from './simulate.ts';
export { parseWhatIf, type WhatIf } from './what-if.ts';
