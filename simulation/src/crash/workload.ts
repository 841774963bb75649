/** Publishers and ackers that go on until their server dies, and write into the ledger what they were told. */
import { setTimeout as pause } from "node:timers/promises";
import type { SeededRandom } from "../seeded-random.js";
import type { Delivery, Ledger } from "./ledger.js";
import { payloadOf } from "./payload.js";
import { ConnectionLost, type RestClient } from "./rest-client.js";

export const TOPICS = ["projects/crash/topics/busy", "projects/crash/topics/calm"] as const;

/** The second subscription of each topic acks little: its backlog keeps old segments alive. */
export const SUBSCRIPTIONS = TOPICS.flatMap((topic) => {
  const name = topic.split("/").at(-1);
  return [
    { name: `projects/crash/subscriptions/${name}-fast`, topic, ackShare: 0.9 },
    { name: `projects/crash/subscriptions/${name}-slow`, topic, ackShare: 0.1 },
  ];
});

const PUBLISHERS_PER_TOPIC = 3;
const ACKERS_PER_SUBSCRIPTION = 2;
const MESSAGES_PER_PUBLISH_MAX = 40;
const NACK_SHARE = 0.05;
const IDLE_PAUSE_MS = 5;

export interface Received extends Delivery {
  readonly ackId: string;
}

/** Creates the topics and subscriptions, once. */
export async function createResources(client: RestClient, ledger: Ledger): Promise<void> {
  for (const topic of TOPICS) {
    await client.must("PUT", `/v1/${topic}`);
    ledger.addTopic(topic);
  }
  for (const { name, topic } of SUBSCRIPTIONS) {
    // No lease ends within a run but by a nack or a kill, so no redelivery needs an excuse.
    await client.must("PUT", `/v1/${name}`, { topic, ackDeadlineSeconds: 600 });
    ledger.addSubscription(name, topic);
  }
}

/**
 * Runs the load until every worker has lost its connection.
 *
 * @throws {Violation} The server broke a promise. Anything else thrown is an answer that must not be.
 */
export async function runWorkload(client: RestClient, ledger: Ledger, random: SeededRandom): Promise<void> {
  const workers = [
    ...TOPICS.flatMap((topic) => times(PUBLISHERS_PER_TOPIC, () => publishForever(client, ledger, random, topic))),
    ...SUBSCRIPTIONS.flatMap((subscription) =>
      times(ACKERS_PER_SUBSCRIPTION, () => ackForever(client, ledger, random, subscription)),
    ),
  ];
  const outcomes = await Promise.allSettled(workers);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected" && !(outcome.reason instanceof ConnectionLost)) throw outcome.reason;
  }
}

/** One pull, checked by the ledger. */
export async function pull(client: RestClient, ledger: Ledger, subscription: string): Promise<readonly Received[]> {
  const sinceTick = ledger.now();
  const body = { maxMessages: 200, returnImmediately: true };
  const { receivedMessages = [] } = await client.must("POST", `/v1/${subscription}:pull`, body);
  const received = parseReceived(receivedMessages);
  ledger.received(subscription, received, sinceTick);
  return received;
}

/** One acknowledge: what it promises goes into the ledger. */
export async function acknowledge(
  client: RestClient,
  ledger: Ledger,
  subscription: string,
  messages: readonly Received[],
): Promise<void> {
  if (messages.length === 0) return;
  const messageIds = messages.map((message) => message.messageId);
  ledger.acking(subscription, messageIds);
  await client.must("POST", `/v1/${subscription}:acknowledge`, { ackIds: messages.map((message) => message.ackId) });
  ledger.acked(subscription, messageIds);
}

async function publishForever(client: RestClient, ledger: Ledger, random: SeededRandom, topic: string): Promise<never> {
  for (;;) {
    const numbers = ledger.takeNumbers(topic, random.integer(1, MESSAGES_PER_PUBLISH_MAX));
    const messages = numbers.map((number) => ({ data: payloadOf(number).toString("base64") }));
    const { messageIds } = await client.must("POST", `/v1/${topic}:publish`, { messages });
    ledger.published(topic, numbers, Array.isArray(messageIds) ? messageIds.map(String) : []);
    if (random.chance(0.2)) await pause(IDLE_PAUSE_MS);
  }
}

async function ackForever(
  client: RestClient,
  ledger: Ledger,
  random: SeededRandom,
  subscription: (typeof SUBSCRIPTIONS)[number],
): Promise<never> {
  for (;;) {
    const received = await pull(client, ledger, subscription.name);
    const acked: Received[] = [];
    const nacked: Received[] = [];
    for (const message of received) {
      if (random.chance(subscription.ackShare)) acked.push(message);
      else if (random.chance(NACK_SHARE)) nacked.push(message);
    }
    await acknowledge(client, ledger, subscription.name, acked);
    if (nacked.length > 0) {
      const body = { ackIds: nacked.map((message) => message.ackId), ackDeadlineSeconds: 0 };
      await client.must("POST", `/v1/${subscription.name}:modifyAckDeadline`, body);
    }
    if (received.length === 0) await pause(IDLE_PAUSE_MS);
  }
}

function times(count: number, start: () => Promise<never>): Promise<never>[] {
  return Array.from({ length: count }, start);
}

function parseReceived(messages: unknown): readonly Received[] {
  if (!Array.isArray(messages)) throw new TypeError("receivedMessages is not a list");
  return messages.map((entry: { ackId?: unknown; message?: { messageId?: unknown; data?: unknown } }) => ({
    ackId: String(entry.ackId),
    messageId: String(entry.message?.messageId),
    data: Buffer.from(String(entry.message?.data ?? ""), "base64"),
  }));
}
