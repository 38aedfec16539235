import { actionOrchestrator } from './action-orchestrator.ts';
import { cacheManager } from './cache-manager.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { cvAnalyzer } from './cv-analyzer.ts';
import { improvementOrchestrator } from './improvement-orchestrator.ts';
import { recommendationGenerator } from './recommendation-generator.ts';
import { recommendationOrchestrator } from './recommendation-orchestrator.ts';
import type { ServiceFactory } from './service-behaviour.ts';

/** The seven services in the order in which the plan moves them. A service's name is also its flag's key. */
export const SERVICE_NAMES = [
  'cv-analyzer',
  'improvement-orchestrator',
  'cache-manager',
  'recommendation-generator',
  'circuit-breaker',
  'recommendation-orchestrator',
  'action-orchestrator',
] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];

export const SERVICES: Readonly<Record<ServiceName, ServiceFactory>> = {
  'cv-analyzer': cvAnalyzer,
  'improvement-orchestrator': improvementOrchestrator,
  'cache-manager': cacheManager,
  'recommendation-generator': recommendationGenerator,
  'circuit-breaker': circuitBreaker,
  'recommendation-orchestrator': recommendationOrchestrator,
  'action-orchestrator': actionOrchestrator,
};

export function isServiceName(name: string | undefined): name is ServiceName {
  return (SERVICE_NAMES as readonly (string | undefined)[]).includes(name);
}
