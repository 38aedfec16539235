export type MachineKind = 'server' | 'worker';

/** One process that works on the database, as it tells the others of itself. */
export interface Machine {
  readonly machineId: string;
  readonly kind: MachineKind;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** Where its API is; null for one that has none. */
  readonly address: string | null;
  /** Whether effects of runs are carried out here. */
  readonly worksEffects: boolean;
  /** Whether commands that plans ask for may run here. */
  readonly runsCommands: boolean;
}

/** Where a process tells that it lives. */
export interface MachineRegister {
  /** Says that it lives and by which names it holds jobs. */
  beat(jobHolders: readonly string[]): Promise<void>;
  /** Says that it has stopped, so that nobody waits for it. */
  leave(): Promise<void>;
}
