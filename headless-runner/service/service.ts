/** What is started with the machine. */
export interface ServiceDefinition {
  /** The program and its arguments. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Where it runs: one that stays, so nothing in the arguments is meant from there. */
  folder: string;
}

export interface ServiceStatus {
  /** Path of what was written for it; null where there is none. */
  file: string | null;
  running: boolean;
  /** As the system tells it, for a person. */
  words: string;
}

/** What starts things with the machine, and again when they end. */
export interface ServiceManager {
  /** Whether it runs, which its commands being there does not say. @throws {EdgeRunnerError} `no-service-manager` */
  check(): Promise<void>;
  /**
   * Writes it, starts it, and has it started with the machine. One that is there is replaced; where that fails, it is
   * there again.
   */
  install(definition: ServiceDefinition): Promise<{ file: string; notes: string[] }>;
  status(): Promise<ServiceStatus>;
  /** Lets it finish what it does, and removes it in any case. @returns what failed, in words; null where none is there. */
  remove(): Promise<string[] | null>;
}

/** Seconds that a node may take to finish what it has, when it is stopped. */
export const STOP_SECONDS = 900;
/** Seconds before it is started again after an end. */
export const RESTART_SECONDS = 15;

/** For a person, where a service for one server takes the place of one for another. */
export const replacing = (before: string | undefined, now: string | undefined): string[] =>
  before !== undefined && before !== now
    ? [`It replaces the service that worked for ${before}: a machine has one.`]
    : [];
