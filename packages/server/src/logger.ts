/** Log lines as JSON on stderr. pino is loaded when the first line is written: a server is ready sooner without it. */
import type { Logger as Pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

type Write = (fields: Readonly<Record<string, unknown>>, text: string) => void;

/** One method per level; `fields` must not hold message data or credentials. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  readonly fatal: Write;
  /** Resolves when everything logged so far has been written. */
  flush(): Promise<void>;
}

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const STDERR = 2;

/** Makes a logger that writes what is at `level` or above. */
export function createLogger(level: LogLevel): Logger {
  let pino: Pino | undefined;
  let loading: Promise<void> | undefined;
  const waiting: { readonly atMs: number; readonly write: (target: Pino) => void }[] = [];
  let lineAtMs: number | undefined;

  const load = async (): Promise<void> => {
    const { pino: makePino } = await import("pino");
    // Synchronous: a line that tells why the process ends must be out before it does.
    const timestamp = (): string => `,"time":${lineAtMs ?? Date.now()}`;
    pino = makePino({ level, timestamp, base: null }, makePino.destination({ dest: STDERR, sync: true }));
    for (const { atMs, write } of waiting.splice(0)) {
      lineAtMs = atMs;
      write(pino);
    }
    lineAtMs = undefined;
  };
  const at = (name: Exclude<LogLevel, "silent" | "trace">): Write => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return () => undefined;
    return (fields, text) => {
      if (pino !== undefined) return pino[name](fields, text);
      waiting.push({ atMs: Date.now(), write: (target) => target[name](fields, text) });
      loading ??= load();
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    flush: () => loading ?? Promise.resolve(),
  };
}
