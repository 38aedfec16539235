/** One alert, as Alertmanager tells it. */
export interface HeardAlert {
  /** Alertmanager's own identity of the alert. */
  readonly fingerprint: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isFiring: boolean;
}

/** Keeps what Alertmanager says. */
export interface AlertService {
  hear(alerts: readonly HeardAlert[]): Promise<void>;
}
