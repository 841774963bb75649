import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import type { EmbeddedStorageStats } from "@peal/store";
import type { SubscriptionMetrics } from "../engine/engine-metrics.js";
import { SubscriptionUsage } from "../engine/subscription-usage.js";
import { TopicUsage } from "../engine/topic-usage.js";
import { createLogger } from "../logger.js";
import { isSuccess } from "../push/post-request.js";
import { PushLog, type PushState } from "../push/push-log.js";
import { CallCounts } from "./call-counts.js";
import { collectSlowly } from "./collect-slowly.js";
import { readExposition } from "./exposition.test.support.js";
import { type MetricsSource, scrape } from "./server-metrics.js";

const subscription: SubscriptionMetrics = {
  name: "projects/proj/subscriptions/sub",
  topic: "projects/proj/topics/topic",
  backlog: 7,
  outstanding: 3,
  waiting: 6,
  delayed: 5,
  deadLettered: 4,
  pullers: 1,
  isAtLimit: false,
  oldestUnackedAtMs: 4_000,
  delivered: 12,
  acked: 5,
  nacked: 2,
  expired: 1,
  extended: 4,
  retainedAcked: undefined,
  usage: undefined,
};

function topicUsage(): TopicUsage {
  const usage = new TopicUsage();
  usage.stored([100, 5_000, 5_000], 3, 0.4);
  usage.refused("UNAVAILABLE");
  usage.refused("NOT_FOUND");
  return usage;
}

function* pushStates(): Generator<PushState> {
  const log = new PushLog();
  const answers = [204, 204, 301, 404, 503].map((status) => ({ kind: "answered", status }) as const);
  const failures = ["DEADLINE_EXCEEDED", "ECONNREFUSED", "ADDRESS_REFUSED"].map(
    (error) => ({ kind: "failed", error }) as const,
  );
  for (const outcome of [...answers, ...failures]) log.add({ outcome, atMs: 0, latencyMs: 2 }, isSuccess(outcome));
  yield { subscription: subscription.name, endpoint: "https://x", outstanding: 0, window: 5, pauseMs: 250, log };
}

async function lines(
  source: Partial<MetricsSource>,
  calls = new CallCounts(createLogger("silent")),
  storeStats?: EmbeddedStorageStats,
): Promise<string[]> {
  const engine: MetricsSource = {
    stats: () => ({ topics: 1, subscriptions: 1, snapshots: 1, tailCacheBytes: 0, waitingBytes: 0, isStopped: false }),
    topicMetrics: () => [{ name: "projects/proj/topics/topic", messageCount: 9, usage: topicUsage() }],
    subscriptionMetrics: () => [subscription],
    snapshotMetrics: () => [
      {
        name: "projects/proj/snapshots/snap",
        messageCount: 4,
        oldestAtMs: 7_000,
        expireAtMs: 70_000,
        configUpdates: 2,
      },
    ],
    ...source,
  };
  const stats = storeStats && (() => Promise.resolve(storeStats));
  let text = "";
  for await (const slice of scrape({ engine, pushStates, calls, storeStats: stats, nowMs: 10_000 })) text += slice;
  return text.split("\n");
}

test("a subscription's figures go by the names of Cloud Monitoring", async () => {
  const found = await lines({});
  const labels = '{project_id="proj",subscription_id="sub"}';
  for (const line of [
    `pubsub_googleapis_com_subscription_num_undelivered_messages${labels} 7`,
    `pubsub_googleapis_com_subscription_oldest_unacked_message_age${labels} 6`,
    `pubsub_googleapis_com_subscription_num_outstanding_messages${labels} 3`,
    `pubsub_googleapis_com_subscription_sent_message_count${labels} 12`,
    `pubsub_googleapis_com_subscription_ack_message_count${labels} 5`,
    `pubsub_googleapis_com_subscription_mod_ack_deadline_message_count${labels} 6`,
    `pubsub_googleapis_com_subscription_expired_ack_deadlines_count${labels} 1`,
    'pubsub_googleapis_com_topic_send_request_count{project_id="proj",topic_id="topic",response_class="success",response_code="success"} 1',
    'peal_topic_published_messages{project_id="proj",topic_id="topic"} 9',
  ]) {
    assert.ok(found.includes(line), line);
  }
});

test("pushes are counted by what came of them", async () => {
  const found = await lines({});
  const labels = 'project_id="proj",subscription_id="sub"';
  for (const [responseClass, code, count] of [
    ["ack", "204", 2],
    ["invalid", "301", 1],
    ["remote_server_4xx", "404", 1],
    ["remote_server_5xx", "503", 1],
    ["deadline_exceeded", "deadline_exceeded", 1],
    ["unreachable", "econnrefused", 1],
    ["invalid", "address_refused", 1],
  ]) {
    const name = "pubsub_googleapis_com_subscription_push_request_count";
    const line = `${name}{${labels},response_class="${responseClass}",response_code="${code}"} ${count}`;
    assert.ok(found.includes(line), line);
  }
  for (const line of [
    `pubsub_googleapis_com_subscription_push_request_latencies_sum{${labels}} 16000`,
    `peal_subscription_push_window{${labels}} 5`,
    `peal_subscription_push_pause_seconds{${labels}} 0.25`,
  ]) {
    assert.ok(found.includes(line), line);
  }
});

test("a snapshot's figures go by the names of Cloud Monitoring, and its end is told", async () => {
  const found = await lines({});
  const labels = '{project_id="proj",snapshot_id="snap"}';
  for (const line of [
    `pubsub_googleapis_com_snapshot_num_messages${labels} 4`,
    `pubsub_googleapis_com_snapshot_oldest_message_age${labels} 3`,
    `pubsub_googleapis_com_snapshot_config_updates_count${labels} 2`,
    `peal_snapshot_seconds_left${labels} 60`,
    "peal_snapshots 1",
  ]) {
    assert.ok(found.includes(line), line);
  }
});

test("outcomes come by class and code, whose fault they were", async () => {
  const found = await lines({});
  const name = "pubsub_googleapis_com_topic_send_request_count";
  for (const [responseClass, code] of [
    ["success", "success"],
    ["internal", "unavailable"],
    ["invalid", "not_found"],
  ]) {
    const labels = `{project_id="proj",topic_id="topic",response_class="${responseClass}",response_code="${code}"}`;
    assert.ok(found.includes(`${name}${labels} 1`), labels);
  }
});

test("a distribution has its classes one above the other, its sum and its count", async () => {
  const found = await lines({});
  const labels = 'project_id="proj",topic_id="topic"';
  const name = "pubsub_googleapis_com_topic_message_sizes";
  assert.deepEqual(
    found.filter((line) => line.startsWith(name)),
    [
      ...[
        "64 0",
        "256 1",
        "1024 1",
        "4096 1",
        "16384 3",
        "65536 3",
        "262144 3",
        "1048576 3",
        "4194304 3",
        "+Inf 3",
      ].map((line) => `${name}_bucket{${labels},le="${line.split(" ")[0]}"} ${line.split(" ")[1]}`),
      `${name}_sum{${labels}} 10100`,
      `${name}_count{${labels}} 3`,
    ],
  );
  assert.ok(found.includes(`pubsub_googleapis_com_topic_send_request_latencies_sum{${labels}} 400`));
});

test("a subscription of which nothing was asked has no series of requests, one that was used has them all", async () => {
  const requests = (found: readonly string[]) =>
    found.filter((line) =>
      /^pubsub_googleapis_com_subscription_(pull|streaming|open|config|mod_ack.*request)/.test(line),
    );
  assert.deepEqual(requests(await lines({})), []);
  const used = { ...subscription, usage: new SubscriptionUsage() };
  assert.equal(requests(await lines({ subscriptionMetrics: () => [used] })).length, 13);
});

test("the age is 0 without a backlog, and left out where it is not known", async () => {
  const age = async (metrics: Partial<SubscriptionMetrics>): Promise<string | undefined> => {
    const found = await lines({
      subscriptionMetrics: () => [{ ...subscription, oldestUnackedAtMs: undefined, ...metrics }],
    });
    return found.find((line) => line.startsWith("pubsub_googleapis_com_subscription_oldest_unacked_message_age{"));
  };
  assert.match((await age({ backlog: 0 })) ?? "", / 0$/);
  assert.equal(await age({ backlog: 7 }), undefined);
});

test("calls are counted by method and code, and streams while they are open", async () => {
  const calls = new CallCounts(createLogger("silent"));
  calls.callEnded("/google.pubsub.v1.Publisher/Publish", "OK", 250);
  calls.callEnded("/google.pubsub.v1.Publisher/Publish", "OK", 250);
  calls.callEnded("/google.pubsub.v1.Publisher/Publish", "NOT_FOUND", 0);
  calls.streamOpened();
  calls.streamOpened();
  calls.streamClosed();
  const found = await lines({}, calls);
  for (const line of [
    'peal_calls{method="Publish",response_code="OK"} 2',
    'peal_call_seconds{method="Publish",response_code="OK"} 0.5',
    'peal_calls{method="Publish",response_code="NOT_FOUND"} 1',
    "peal_open_streams 1",
  ]) {
    assert.ok(found.includes(line), line);
  }
});

test("every series is there once, in one group per name", async () => {
  const used = { ...subscription, usage: new SubscriptionUsage() };
  used.usage.addAckLatency(12, 3);
  const second = { ...used, name: "projects/proj/subscriptions/second" };
  const found = await lines({ subscriptionMetrics: () => [used, second] });
  const series = readExposition(found.join("\n"));
  const name = "pubsub_googleapis_com_subscription_ack_latencies_sum";
  assert.equal(series.get(`${name}{project_id="proj",subscription_id="second"}`), 36);
});

test("every family is in the guide", async () => {
  const guide = await readFile(new URL("../../../../docs/metrics.md", import.meta.url), "utf8");
  const found = await lines({}, undefined, {
    logs: 1,
    spareSegments: 1,
    entries: 1,
    logBytes: 1,
    liveBytes: 1,
    segments: 1,
    freedSegments: 1,
    movedBytes: 1,
    groups: 1,
    writtenBytes: 1,
    syncMs: 1,
    checkpointAgeMs: 1,
    freeBytes: 1,
    isFull: false,
  });
  assert.ok(found.includes("peal_store_free_bytes 1"));
  for (const line of found.filter((candidate) => candidate.startsWith("# TYPE "))) {
    const name = line.split(" ")[2]!.replace(/^pubsub_googleapis_com_(topic|subscription|snapshot)_/, "");
    assert.ok(guide.includes(`\`${name}\``), name);
  }
});

test("an item that moves in its list while that is collected comes once", async () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `n${index}`);
  const source = {
    *[Symbol.iterator]() {
      for (let index = 0; index < names.length; index += 1) yield { name: names[index]! };
    },
  };
  const collected = collectSlowly(source);
  names.unshift("earlier");
  const found = (await collected).map((item) => item.name);
  assert.equal(new Set(found).size, found.length);
  assert.ok(found.includes("n1999"));
});
