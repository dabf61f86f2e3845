/** What is started with the machine. */
export interface ServiceDefinition {
  /** The program and its arguments. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** From where paths in the arguments are meant. */
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
  /** Writes it, starts it, and has it started with the machine. One that is there is replaced. */
  install(definition: ServiceDefinition): Promise<{ file: string; notes: string[] }>;
  status(): Promise<ServiceStatus>;
  /** Lets it finish what it does, and removes it. @returns whether there was one. */
  remove(): Promise<boolean>;
}

/** Seconds that a node may take to finish what it has, when it is stopped. */
export const STOP_SECONDS = 900;
/** Seconds before it is started again after an end. */
export const RESTART_SECONDS = 15;
