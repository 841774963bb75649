/** After a restart: does the server still have what it promised? */
import { setTimeout as pause } from "node:timers/promises";
import { Violation } from "../violation.js";
import type { Ledger } from "./ledger.js";
import type { RestClient } from "./rest-client.js";
import { acknowledge, pull, SUBSCRIPTIONS, TOPICS } from "./workload.js";

/** So long may nothing arrive before what is still missing counts as lost. Wide: the machine may be busy. */
const SILENCE_LIMIT_MS = 20_000;
const PAUSE_MS = 20;

/** All topics and subscriptions must be there. */
export async function checkResources(client: RestClient): Promise<void> {
  for (const name of [...TOPICS, ...SUBSCRIPTIONS.map((subscription) => subscription.name)]) {
    const { status } = await client.call("GET", `/v1/${name}`);
    if (status !== 200) throw new Violation(`${name} was created, and is answered with ${status} after a restart`);
  }
}

/**
 * Pulls until every message that is owed has come. To be called right after a restart: a kill ends all leases.
 *
 * @param acks - Whether to ack all that comes; else it stays for the next time.
 * @returns How many messages came.
 */
export async function reckon(client: RestClient, ledger: Ledger, subscription: string, acks: boolean): Promise<number> {
  ledger.beginReckoning(subscription);
  let count = 0;
  let lastAtMs = performance.now();
  for (;;) {
    const received = await pull(client, ledger, subscription);
    count += received.length;
    if (acks) await acknowledge(client, ledger, subscription, received);
    if (received.length > 0) lastAtMs = performance.now();
    else {
      const missing = ledger.missing(subscription);
      if (missing.length === 0) return count;
      if (performance.now() - lastAtMs > SILENCE_LIMIT_MS) {
        throw new Violation(
          `${missing.length} acknowledged messages never came from ${subscription}, the first with id ${missing[0]}`,
        );
      }
      await pause(PAUSE_MS);
    }
  }
}
