import type { HttpBindings } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AlertService } from '../ports/alert-service.ts';
import type { ComparisonSource } from '../ports/comparison-source.ts';
import type { DifferenceSource } from '../ports/difference-source.ts';
import type { DoctorService } from '../ports/doctor.ts';
import type { FlagDirectory } from '../ports/flag-directory.ts';
import type { FlagService } from '../ports/flag-service.ts';
import type { Log } from '../ports/log.ts';
import type { OverrideService } from '../ports/override-service.ts';
import type { RunService } from '../ports/run-service.ts';
import type { SystemSwitchService } from '../ports/system-switch.ts';
import type { TelemetryService } from '../ports/telemetry-service.ts';
import type { TokenHolder, TokenService } from '../ports/token-service.ts';
import type { ApiSettings } from './api-settings.ts';

export interface HttpApiParts {
  readonly runs: RunService;
  readonly overrides: OverrideService;
  readonly system: SystemSwitchService;
  readonly doctor: DoctorService;
  readonly flags: FlagService;
  readonly flagDirectory: FlagDirectory;
  readonly telemetry: TelemetryService;
  readonly alerts: AlertService;
  readonly comparisons: ComparisonSource;
  readonly differences: DifferenceSource;
  readonly tokens: TokenService;
  /** Resolves while the database answers. */
  readonly health: () => Promise<void>;
  readonly log: Log;
  readonly now: () => number;
  readonly settings?: ApiSettings;
}

export interface ApiEnvironment {
  readonly Bindings: HttpBindings;
  readonly Variables: { holder: TokenHolder; cors?: Readonly<Record<string, string>> };
}

export type HttpApi = OpenAPIHono<ApiEnvironment>;
