/** Kills a loaded server again and again, and after each restart compares what it promised with what it has. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../seeded-random.js";
import { countSegments, removeIndex } from "./data-files.js";
import { Ledger } from "./ledger.js";
import { checkResources, reckon } from "./reckoning.js";
import { RestClient } from "./rest-client.js";
import { ServerProcess } from "./server-process.js";
import { createResources, runWorkload, SUBSCRIPTIONS } from "./workload.js";

const LOAD_MIN_MS = 50;
const LOAD_MAX_MS = 700;
/** Start-up takes a few hundred milliseconds: kills within this fall before, into and after recovery or rebuild. */
const STARTUP_KILL_MAX_MS = 600;
const STARTUP_KILL_CHANCE = 0.3;
const REBUILD_CHANCE = 0.3;
const FULL_RECKONING_EVERY = 10;

export interface CrashOptions {
  readonly seed: number;
  readonly cycles: number;
  readonly report: (line: string) => void;
}

export interface CrashSummary {
  readonly kills: number;
  readonly killsDuringStart: number;
  readonly rebuilds: number;
  readonly published: number;
  readonly acked: number;
  readonly segments: { readonly begun: number; readonly standing: number };
  /** What the server logged about repairs, garbage and checkpoints, by text. */
  readonly events: ReadonlyMap<string, number>;
}

/**
 * Runs `cycles` rounds of load, kill and reckoning on one data directory, which is removed at the end.
 *
 * @throws {Violation} A promise was broken.
 */
export async function crashRun(options: CrashOptions): Promise<CrashSummary> {
  const data = await mkdtemp(join(tmpdir(), "peal-crash-"));
  const run = new CrashRun(data, options);
  try {
    return await run.run();
  } finally {
    try {
      await run.killServer();
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  }
}

class CrashRun {
  readonly #data: string;
  readonly #options: CrashOptions;
  readonly #random: SeededRandom;
  readonly #ledger = new Ledger();
  readonly #events = new Map<string, number>();
  #server: ServerProcess | undefined;
  #client: RestClient | undefined;
  #kills = 0;
  #killsDuringStart = 0;
  #rebuilds = 0;

  constructor(data: string, options: CrashOptions) {
    this.#data = data;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<CrashSummary> {
    await createResources(await this.#start(), this.#ledger);
    for (let cycle = 1; cycle <= this.#options.cycles; cycle += 1) {
      await this.#loadAndKill();
      await this.#troubleBeforeRestart();
      const client = await this.#start();
      await checkResources(client);
      await this.#reckonAfter(client, cycle);
      this.#options.report(
        `cycle ${cycle}/${this.#options.cycles}: ${this.#ledger.publishedCount} published, ${this.#ledger.confirmedAckCount} acks confirmed`,
      );
    }
    await this.#checkDrain();
    return {
      kills: this.#kills,
      killsDuringStart: this.#killsDuringStart,
      rebuilds: this.#rebuilds,
      published: this.#ledger.publishedCount,
      acked: this.#ledger.confirmedAckCount,
      segments: await countSegments(this.#data),
      events: this.#events,
    };
  }

  async killServer(): Promise<void> {
    this.#client?.close();
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await server.kill();
    for (const event of server.events()) this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
    const fatal = server.fatal();
    if (fatal !== undefined) throw new Error(`the server stopped by itself: ${fatal}`);
  }

  async #start(): Promise<RestClient> {
    this.#server = new ServerProcess(this.#data);
    const port = await this.#server.ready();
    if (port === undefined) throw new Error("the server was killed before it was ready, by nobody here");
    this.#client = new RestClient(port);
    return this.#client;
  }

  /** Load for a random while, then kill -9 in its midst. */
  async #loadAndKill(): Promise<void> {
    const loadMs = this.#random.integer(LOAD_MIN_MS, LOAD_MAX_MS);
    // A server loads its REST part with the first call: the load begins when it runs.
    await checkResources(this.#client!);
    const load = runWorkload(this.#client!, this.#ledger, this.#random);
    // A violation ends the load early; it is thrown below, where the load is awaited.
    await Promise.race([pause(loadMs), load.catch(() => undefined)]);
    if (this.#server?.hasExited) throw new Error(`the server ended by itself:\n${this.#server.stderr}`);
    this.#kills += 1;
    await this.killServer();
    await load;
  }

  /** Now and then the index is taken away, so that it is rebuilt from the log; now and then the restart is killed too. */
  async #troubleBeforeRestart(): Promise<void> {
    if (this.#random.chance(REBUILD_CHANCE)) {
      await removeIndex(this.#data);
      this.#rebuilds += 1;
    }
    while (this.#random.chance(STARTUP_KILL_CHANCE)) {
      this.#server = new ServerProcess(this.#data);
      const ready = this.#server.ready();
      await Promise.race([pause(this.#random.integer(0, STARTUP_KILL_MAX_MS)), ready]);
      this.#killsDuringStart += 1;
      await this.killServer();
      await ready;
    }
  }

  /** Each cycle one subscription in turn keeps what it has; every tenth all of them are emptied and acked. */
  async #reckonAfter(client: RestClient, cycle: number): Promise<void> {
    const isFull = cycle % FULL_RECKONING_EVERY === 0 || cycle === this.#options.cycles;
    const one = SUBSCRIPTIONS[cycle % SUBSCRIPTIONS.length]!;
    for (const { name } of isFull ? SUBSCRIPTIONS : [one]) await reckon(client, this.#ledger, name, isFull);
    if (isFull) return;
    // A reckoning without acks holds leases on all it saw; a kill gives them back to the load.
    await this.killServer();
    await this.#start();
  }

  /** A clean stop ends with 0, and the next start has nothing left to deliver. */
  async #checkDrain(): Promise<void> {
    this.#client?.close();
    const server = this.#server!;
    this.#server = undefined;
    const code = await server.stop();
    if (code !== 0) throw new Error(`a drain ended with exit code ${code}:\n${server.stderr}`);
    const client = await this.#start();
    for (const { name } of SUBSCRIPTIONS) await reckon(client, this.#ledger, name, true);
  }
}
