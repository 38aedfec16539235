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

/** Those that are programs of their own on each arm. The cache and the actions are two stores and two ways of writing. */
export const SERVER_NAMES = [
  'cv-analyzer',
  'improvement-orchestrator',
  'recommendation-generator',
  'circuit-breaker',
  'recommendation-orchestrator',
] as const satisfies readonly ServiceName[];

export type ServerName = (typeof SERVER_NAMES)[number];

export const SERVICES: Readonly<Record<ServerName, ServiceFactory>> = {
  'cv-analyzer': cvAnalyzer,
  'improvement-orchestrator': improvementOrchestrator,
  'recommendation-generator': recommendationGenerator,
  'circuit-breaker': circuitBreaker,
  'recommendation-orchestrator': recommendationOrchestrator,
};

export function isServerName(name: string | undefined): name is ServerName {
  return (SERVER_NAMES as readonly (string | undefined)[]).includes(name);
}
