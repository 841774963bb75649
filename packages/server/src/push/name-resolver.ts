/**
 * Names to addresses without `getaddrinfo`, which would hold a thread of libuv's pool for as long as a dead name server
 * takes: commits need those threads (design §4). Asks, as the system does by default, the hosts file, then DNS with the
 * search list of resolv.conf. What it lacks is other name services (mDNS, NIS).
 */
import { Resolver } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import type { Clock } from "../engine/clock.js";
import { PUSH_LIMITS } from "./push-limits.js";
import { candidatesOf, parseHosts, parseSearch, type SearchRules } from "./resolver-files.js";

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** What is asked of a name server; rejects with an `ENOTFOUND` or `ENODATA` where there is nothing. */
export interface DnsQueries {
  resolve4(name: string, options: { ttl: true }): Promise<readonly { address: string; ttl: number }[]>;
  resolve6(name: string, options: { ttl: true }): Promise<readonly { address: string; ttl: number }[]>;
}

export interface NameResolverOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** The machine's name servers, as they are when it is called, unless given. */
  readonly openQueries?: () => DnsQueries;
  /** Undefined: there is none. */
  readonly readSystemFile?: (path: string) => Promise<string | undefined>;
}

const HOSTS_PATH = process.platform === "win32" ? "C:\\Windows\\System32\\drivers\\etc\\hosts" : "/etc/hosts";
const RESOLV_CONF_PATH = "/etc/resolv.conf";
/** The files may change while the server runs; looking at them costs two reads. */
const FILES_FRESH_MS = 5_000;
const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
const TTL_MIN_SECONDS = 1;
const TTL_MAX_SECONDS = 30;
const LOOPBACK: readonly Address[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

interface Remembered {
  readonly addresses: readonly Address[];
  readonly untilMs: number;
}

interface SystemFiles {
  readonly hosts: ReadonlyMap<string, readonly Address[]>;
  readonly search: SearchRules;
  readonly queries: DnsQueries;
  readonly resolvConf: string;
  readonly readAtMs: number;
}

export class NameResolver {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #openQueries: () => DnsQueries;
  readonly #readSystemFile: (path: string) => Promise<string | undefined>;
  readonly #remembered = new Map<string, Remembered>();
  readonly #asked = new Map<string, Promise<readonly Address[]>>();
  #files: SystemFiles | undefined;

  constructor(options: NameResolverOptions) {
    this.#clock = options.clock;
    this.#openQueries = options.openQueries ?? (() => new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES }));
    this.#readSystemFile = options.readSystemFile ?? readIfThere;
  }

  /**
   * IPv4 addresses first. Answers are remembered for their time to live, half a minute at most.
   *
   * @throws {Error} With the `code` of DNS: ENOTFOUND, ETIMEOUT and others.
   */
  resolve(name: string): Promise<readonly Address[]> {
    const host = name.toLowerCase();
    const known = this.#remembered.get(host);
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs()) return Promise.resolve(known.addresses);
    let answer = this.#asked.get(host);
    if (answer === undefined) {
      answer = this.#ask(host).finally(() => this.#asked.delete(host));
      this.#asked.set(host, answer);
    }
    return answer;
  }

  async #ask(host: string): Promise<readonly Address[]> {
    const bare = host.endsWith(".") ? host.slice(0, -1) : host;
    const { hosts, search, queries } = await this.#readFiles();
    const listed = hosts.get(bare);
    if (listed !== undefined) return listed;
    // RFC 6761: these names are never asked of a name server.
    if (bare === "localhost" || bare.endsWith(".localhost")) return LOOPBACK;
    let failure: unknown;
    for (const candidate of candidatesOf(host, search)) {
      try {
        return this.#remember(host, await queryBoth(queries, candidate));
      } catch (error) {
        // That one name does not exist says less than that another could not be asked about.
        if (failure === undefined || isAbsence(failure)) failure = error;
      }
    }
    throw failure;
  }

  #remember(host: string, records: readonly AddressRecord[]): readonly Address[] {
    const addresses = records.map(({ address, family }): Address => ({ address, family }));
    const ttl = Math.min(...records.map((record) => record.ttl), TTL_MAX_SECONDS);
    const untilMs = this.#clock.monotonicMs() + 1_000 * Math.max(ttl, TTL_MIN_SECONDS);
    this.#remembered.delete(host);
    if (this.#remembered.size >= PUSH_LIMITS.rememberedNames) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(host, { addresses, untilMs });
    return addresses;
  }

  async #readFiles(): Promise<SystemFiles> {
    const before = this.#files;
    const nowMs = this.#clock.monotonicMs();
    if (before !== undefined && nowMs - before.readAtMs < FILES_FRESH_MS) return before;
    const [hosts = "", resolvConf = ""] = await Promise.all([
      this.#readSystemFile(HOSTS_PATH),
      this.#readSystemFile(RESOLV_CONF_PATH),
    ]);
    this.#files = {
      hosts: parseHosts(hosts),
      search: parseSearch(resolvConf),
      // It reads the name servers once, when it is made.
      queries: before !== undefined && before.resolvConf === resolvConf ? before.queries : this.#openQueries(),
      resolvConf,
      readAtMs: nowMs,
    };
    return this.#files;
  }
}

interface AddressRecord extends Address {
  readonly ttl: number;
}

async function queryBoth(queries: DnsQueries, name: string): Promise<readonly AddressRecord[]> {
  const [v4, v6] = await Promise.allSettled([
    queries.resolve4(name, { ttl: true }),
    queries.resolve6(name, { ttl: true }),
  ]);
  const records: AddressRecord[] = [];
  if (v4.status === "fulfilled") records.push(...v4.value.map((record) => ({ ...record, family: 4 as const })));
  if (v6.status === "fulfilled") records.push(...v6.value.map((record) => ({ ...record, family: 6 as const })));
  if (records.length > 0) return records;
  if (v4.status === "rejected" && !isAbsence(v4.reason)) throw v4.reason;
  if (v6.status === "rejected" && !isAbsence(v6.reason)) throw v6.reason;
  throw Object.assign(new Error(`${name} has no address`), { code: "ENOTFOUND" });
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // Without the file, or the right to read it, the system goes on without it, too.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
