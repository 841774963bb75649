/** Builds a server from its parts, starts it and stops it. Reads no environment: whoever calls says everything. */
import type { DescFile } from "@bufbuild/protobuf";
import { describeHealth, GrpcServer, Health, reflectionServices } from "@peal/grpc";
import { createServices } from "./api/create-services.js";
import { Engine } from "./engine/engine.js";
import { SystemClock } from "./engine/system-clock.js";
import { TestClock } from "./engine/test-clock.js";
import { checkTls, listen } from "./listen.js";
import type { Logger } from "./logger.js";
import { CallCounts } from "./metrics/call-counts.js";
import { scrape } from "./metrics/server-metrics.js";
import { checkPushAuthorities, type PreparedPush, preparePush } from "./open-push.js";
import { explainOpening, type OpenedStore, openStore } from "./open-store.js";
import { createHttpHandler } from "./operator-routes.js";
import type { PushService } from "./push/push-service.js";
import type { RunningServer, ServerOptions } from "./running-server.js";
import { StartError } from "./start-error.js";

/** Calls in flight get this long to finish… */
const FINISH_LIMIT_MS = 3_500;
/** …and all of a drain, writing what is held included, takes no longer than this. */
const DRAIN_LIMIT_MS = 5_000;
/**
 * Opens the store, recovers what it holds and serves it.
 *
 * @returns Once calls are taken.
 * @throws {StartError} Says what stands in the way, and what to do about it.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const beganAtMs = performance.now();
  if (options.tls !== undefined) await checkTls(options.tls);
  if (options.push?.ca !== undefined) await checkPushAuthorities(options.push.ca);
  const clock = options.hasTestClock ? new TestClock() : new SystemClock();
  const ending = new Ending(options.logger);
  const store = await openStore(options, clock, (error) => ending.fail(error));
  let engine: Engine | undefined;
  try {
    engine = await Engine.open({
      storage: store.storage,
      identity: store.identity,
      startNumber: store.startNumber,
      clock,
      random: Math.random,
      log: options.logger,
      onFatal: (error) => ending.fail(error),
    });
    const push = preparePush(options, store.storage, clock);
    const front = assemble(options, { engine, store, clock, push });
    const port = await listen(front.grpc, options);
    ending.begin({ ...front, engine, store, push: push.begin(engine) });
    const readyMs = Math.round(performance.now() - beganAtMs);
    options.logger.info({ port, data: options.data ?? null, profile: options.profile, readyMs }, "listening");
    return { port, drain: () => ending.drain(), closed: ending.closed };
  } catch (error) {
    await engine?.close();
    await store.storage.close();
    throw options.data === undefined ? error : explainOpening(error, options.data);
  }
}

/** Puts the API in front of the engine, and the listener in front of the API. */
function assemble(options: ServerOptions, { engine, store, clock, push }: BackParts): Front {
  const calls = new CallCounts(options.logger);
  const api = createServices({ engine, profile: options.profile, clock, observer: calls });
  const health = new Health(api.services.map((service) => service.name));
  const described = [...api.services, health.service];
  const services = [...described, ...reflectionServices(described, loadDescriptors)];
  const onHttp = createHttpHandler({
    scrape: () =>
      scrape({
        engine,
        pushStates: () => push.pushStates(),
        calls,
        storeStats: store.storeStats,
        nowMs: clock.wallMs(),
      }),
    advanceClock: clock instanceof TestClock ? (byMs) => clock.advance(byMs, () => engine.quiesce()) : undefined,
    signer: push.signer,
    onError: (error, path) => calls.internalError(path, error),
    next: api.onHttpRequest,
  });
  const hooks = { onError: (error: unknown, path: string) => calls.internalError(path, error) };
  const { tls } = options;
  const secure = tls === undefined ? {} : { tls: { cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) } };
  return { grpc: new GrpcServer(services, onHttp, { hooks, ...secure }), health };
}

/** For reflection; a start does without them. */
async function loadDescriptors(): Promise<readonly DescFile[]> {
  const wire = await import("@peal/wire");
  return [
    wire.file_google_pubsub_v1_pubsub,
    wire.file_google_pubsub_v1_schema,
    wire.file_google_iam_v1_iam_policy,
    await describeHealth(),
  ];
}

interface BackParts {
  readonly engine: Engine;
  readonly store: OpenedStore;
  readonly clock: SystemClock | TestClock;
  readonly push: PreparedPush;
}

interface Front {
  readonly grpc: GrpcServer;
  readonly health: Health;
}

interface RunningParts extends Front {
  readonly engine: Engine;
  readonly store: OpenedStore;
  readonly push: PushService;
}

/**
 * How a server ends: by a drain, or by a failure of its disk.
 *
 *     running ── drain ──▶ draining ──▶ closed
 *        └──────── fail ──────┴──────▶ closed, with the failure
 */
class Ending {
  readonly closed: Promise<StartError | undefined>;
  readonly #logger: Logger;
  #settle: (failure: StartError | undefined) => void = () => undefined;
  #parts: RunningParts | undefined;
  #draining: Promise<void> | undefined;
  #hasFailed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  begin(parts: RunningParts): void {
    this.#parts = parts;
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /** Nothing more is written or promised: what the disk holds is found out by the next start. */
  fail(error: Error): void {
    // The store and the engine may both tell.
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.fatal({ err: error }, "the store failed; the server stops");
    this.#parts?.push.close();
    this.#parts?.grpc.close();
    this.#settle(
      new StartError("storageFailed", `the disk failed (${error.message}); see to it, then start again`, {
        cause: error,
      }),
    );
  }

  async #drain(): Promise<void> {
    const beganAtMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), DRAIN_LIMIT_MS);
    });
    try {
      const outcome = await Promise.race([this.#finish(), late]);
      const tookMs = Math.round(performance.now() - beganAtMs);
      if (outcome === "late") this.#logger.warn({ tookMs }, "the drain was cut off; nothing that was promised is lost");
      else this.#logger.info({ tookMs }, "drained");
      this.#settle(undefined);
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    } finally {
      clearTimeout(timer);
      this.#parts?.push.close();
      this.#parts?.grpc.close();
    }
  }

  async #finish(): Promise<void> {
    if (this.#parts === undefined) return;
    const { grpc, health, engine, store, push } = this.#parts;
    // Who watches learns it first; then new calls are refused; then the streams end, and with them the connections.
    health.setAll(false);
    const finished = grpc.drain(FINISH_LIMIT_MS);
    health.endWatches();
    const pushed = push.drain(FINISH_LIMIT_MS);
    await engine.drain();
    await finished;
    await pushed;
    await engine.close();
    await store.storage.close();
  }
}
