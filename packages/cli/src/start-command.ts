/** `peal start`: a server that runs until a signal drains it. */
import { readFile } from "node:fs/promises";
import {
  createLogger,
  type Logger,
  type PushSettings,
  type RunningServer,
  StartError,
  type StoreTuning,
  startServer,
} from "@peal/server";
import { EXIT_CODES, exitCodeOf, exitCodeOfSignal } from "./exit-code.js";
import type { Settings } from "./settings.js";
import { SettingsError } from "./settings-error.js";

/** One Ctrl-C arrives twice where npm runs the command: from the terminal, and passed on by npm. */
const ECHO_MS = 300;

/**
 * Starts a server, says so on stdout when it takes calls, and waits for its end.
 *
 * The first SIGTERM or SIGINT drains it; a second one ends the process at once.
 *
 * @param storeTuning - From `readStoreTuning`, for harnesses.
 * @returns The exit code.
 * @throws {SettingsError} A file that the settings name cannot be read.
 */
export async function runStart(settings: Settings, storeTuning: StoreTuning | undefined): Promise<number> {
  const logger = createLogger(settings["log-level"]);
  try {
    const tls = await readTls(settings);
    if (settings.ephemeral) {
      console.error("peal: --ephemeral: everything is kept in memory only, and gone when this process ends");
    }
    const server = await startServer({
      host: settings.host,
      port: settings.port,
      data: settings.ephemeral ? undefined : settings.data,
      profile: settings.profile,
      hasTestClock: settings["test-clock"],
      tls,
      push: await readPush(settings),
      logger,
      ...(storeTuning === undefined ? {} : { storeTuning }),
    });
    drainOnSignal(server, logger);
    console.log(`Server started, listening on ${server.port}`);
    const failure = await server.closed;
    if (failure !== undefined) throw failure;
    return EXIT_CODES.ok.code;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`peal: ${error.message}`);
    return exitCodeOf(error.reason);
  } finally {
    await logger.flush();
  }
}

function drainOnSignal(server: RunningServer, logger: Logger): void {
  let first: { readonly signal: string; readonly atMs: number } | undefined;
  const onSignal = (signal: "SIGINT" | "SIGTERM"): void => {
    const nowMs = performance.now();
    if (first === undefined) {
      first = { signal, atMs: nowMs };
      logger.info({ signal }, "draining");
      // Whoever waits for `closed` learns how it ended.
      void server.drain();
    } else if (signal !== first.signal || nowMs - first.atMs > ECHO_MS) {
      console.error(`peal: ended by a second signal (${signal}), before everything was finished`);
      process.exit(exitCodeOfSignal(signal));
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}

async function readTls(settings: Settings): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const { "tls-cert": cert, "tls-key": key } = settings;
  if (cert === undefined || key === undefined) return undefined;
  return { cert: await readPem("tls-cert", cert), key: await readPem("tls-key", key) };
}

async function readPush(settings: Settings): Promise<PushSettings> {
  const { "push-addresses": addresses, "push-ca": ca, "push-issuer": issuer } = settings;
  return {
    skipsVerification: settings["push-skip-verification"],
    ...(addresses === undefined ? {} : { allowsPrivate: addresses === "any" }),
    ...(ca === undefined ? {} : { ca: await readPem("push-ca", ca) }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

async function readPem(key: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`${key} cannot be read (${reason}); use the path of a PEM file`]);
  }
}
