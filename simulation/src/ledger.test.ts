import assert from "node:assert/strict";
import { test } from "node:test";
import { type Delivery, Ledger, type Message, type SubscriptionLife, type TopicLife } from "./ledger.js";

const TOPIC: TopicLife = { name: "t" };

function stored(ledger: Ledger, text: string, life: TopicLife = TOPIC, nowMs = 10): Message {
  const message: Message = {
    text,
    topic: life.name,
    calledAtMs: nowMs,
    calledAtWallMs: 0,
    life: undefined,
    state: "called",
    storedAtMs: Number.POSITIVE_INFINITY,
  };
  ledger.publishCalled(message);
  ledger.publishStored(message, life, nowMs);
  return message;
}

function subscribed(topic: TopicLife = TOPIC, atMs = 5): SubscriptionLife {
  return {
    name: "s",
    topic,
    calledAtMs: atMs,
    confirmedAtMs: atMs,
    retentionMs: 600_000,
    retentionMaxMs: 600_000,
    fates: new Map(),
  };
}

function delivery(message: Message, subscription: SubscriptionLife, ackId: string, endsAtMs = 10_000): Delivery {
  return { message, subscription, ackId, puller: "p", sizeBytes: 1, endsAtMs };
}

test("a message under a lease must not come again, one whose lease has ended may", () => {
  const ledger = new Ledger();
  const subscription = subscribed();
  const message = stored(ledger, "m");
  ledger.deliver(delivery(message, subscription, "a"), 20);
  assert.throws(() => ledger.deliver(delivery(message, subscription, "b"), 30), /is out with p/);
  ledger.deliver(delivery(message, subscription, "c", 20_000), 10_000);
  assert.throws(() => ledger.deliver(delivery(message, subscription, "c"), 20_000), /one ack id/);
});

test("a message whose ack was confirmed must not come again, not even after a kill", () => {
  const ledger = new Ledger();
  const subscription = subscribed();
  const first = delivery(stored(ledger, "m"), subscription, "a");
  ledger.deliver(first, 20);
  ledger.ackCalled([first]);
  ledger.ackConfirmed([first], 30);
  ledger.endLife([subscription], false, 35);
  assert.throws(() => ledger.deliver(delivery(first.message, subscription, "b"), 40), /ack was confirmed at 30/);
});

test("after a kill leases are void, after a clean stop they hold", () => {
  for (const isClean of [true, false]) {
    const ledger = new Ledger();
    const subscription = subscribed();
    const message = stored(ledger, "m");
    ledger.deliver(delivery(message, subscription, "a"), 20);
    ledger.endLife([subscription], isClean, 25);
    const again = (): void => ledger.deliver(delivery(message, subscription, "b"), 30);
    if (isClean) assert.throws(again, /is out with p/);
    else again();
  }
});

test("what was refused, never published, too early or of another topic must not come", () => {
  const ledger = new Ledger();
  const subscription = subscribed(TOPIC, 50);
  assert.throws(() => ledger.messageOf("nobody's"), /nobody published/);
  const early = stored(ledger, "early", TOPIC, 10);
  assert.throws(() => ledger.deliver(delivery(early, subscription, "a"), 60), /before the subscription/);
  const refused = stored(ledger, "refused", TOPIC, 55);
  refused.state = "refused";
  assert.throws(() => ledger.deliver(delivery(refused, subscription, "a"), 60), /was refused/);
  const former = stored(ledger, "former", { name: "t" }, 55);
  assert.throws(() => ledger.deliver(delivery(former, subscription, "a"), 60), /another topic of that name/);
  const other = stored(ledger, "other", { name: "u" }, 55);
  assert.throws(() => ledger.deliver(delivery(other, subscription, "a"), 60), /of another topic/);
});

test("owed is what was stored after the subscription stood, is not acked and not past retention", () => {
  const ledger = new Ledger();
  const subscription = subscribed(TOPIC, 50);
  stored(ledger, "early", TOPIC, 10);
  const acked = stored(ledger, "acked", TOPIC, 60);
  const owed = stored(ledger, "owed", TOPIC, 60);
  ledger.ackCalled([delivery(acked, subscription, "a")]);
  assert.deepEqual(ledger.owed(subscription, 0), [owed]);
  assert.deepEqual(ledger.owed(subscription, 600_000), []);
});

test("what is long past its retention must not come", () => {
  const ledger = new Ledger();
  const subscription = subscribed();
  const message = stored(ledger, "m");
  const HOUR_MS = 3_600_000;
  assert.throws(() => ledger.deliver(delivery(message, subscription, "a", 2 * HOUR_MS), HOUR_MS), /is kept for 600000/);
});
