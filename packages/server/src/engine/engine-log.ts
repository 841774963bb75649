/** Where the engine says what an operator should know. `pino` fits; tests may pass nothing. */
export interface EngineLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

const ignore = (): void => undefined;

export const SILENT_LOG: EngineLog = { info: ignore, warn: ignore, error: ignore };
