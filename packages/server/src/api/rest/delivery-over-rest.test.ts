// The delivery settings and calls in their JSON shapes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { batchOf } from "../delivered-batch.test.support.js";
import { RestBed } from "./rest-bed.test.support.js";

const TOPIC = "projects/p/topics/orders";
const SUBSCRIPTION = "/v1/projects/p/subscriptions/billing";
const SNAPSHOT = "/v1/projects/p/snapshots/before";

describe("delivery over REST", () => {
  const bed = new RestBed();

  before(async () => {
    await bed.listen();
    await bed.send("PUT", `/v1/${TOPIC}`, {});
    await bed.send("PUT", SUBSCRIPTION, { topic: TOPIC, enableExactlyOnceDelivery: true });
  });

  after(() => bed.close());

  test("every delivery setting prints as it was given, with the defaults filled in", async () => {
    const settings = {
      topic: TOPIC,
      enableMessageOrdering: true,
      filter: 'attributes.a = "\u00e9"',
      deadLetterPolicy: { deadLetterTopic: TOPIC },
      retryPolicy: { minimumBackoff: "1.5s" },
      pushConfig: { pushEndpoint: "https://example.com/", oidcToken: { audience: "us" }, noWrapper: {} },
    };
    const made = await bed.json("PUT", "/v1/projects/p/subscriptions/full", settings);
    assert.deepEqual(made, {
      name: "projects/p/subscriptions/full",
      topic: TOPIC,
      pushConfig: {
        pushEndpoint: "https://example.com/",
        attributes: { "x-goog-version": "v1" },
        oidcToken: { audience: "us" },
        noWrapper: {},
      },
      ackDeadlineSeconds: 10,
      messageRetentionDuration: "604800s",
      enableMessageOrdering: true,
      expirationPolicy: { ttl: "2678400s" },
      filter: 'attributes.a = "é"',
      deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 5 },
      retryPolicy: { minimumBackoff: "1.500s", maximumBackoff: "600s" },
      state: "ACTIVE",
    });
    assert.deepEqual(await bed.json("GET", "/v1/projects/p/subscriptions/full"), made);
  });

  test("a mask in JSON names parts of policies in either case", async () => {
    const path = "/v1/projects/p/subscriptions/masked";
    await bed.send("PUT", path, { topic: TOPIC, retryPolicy: {} });
    for (const updateMask of ["retryPolicy.minimumBackoff,pushConfig", "retry_policy.minimum_backoff,push_config"]) {
      const answer = await bed.send("PATCH", path, {
        subscription: {
          retryPolicy: { minimumBackoff: "11s", maximumBackoff: "12s" },
          pushConfig: { pushEndpoint: "https://example.com/" },
        },
        updateMask,
      });
      const { retryPolicy, pushConfig } = JSON.parse(answer.text);
      assert.deepEqual(retryPolicy, { minimumBackoff: "11s", maximumBackoff: "600s" });
      assert.equal(pushConfig.pushEndpoint, "https://example.com/");
    }
  });

  test("modifyPushConfig goes both ways", async () => {
    const path = "/v1/projects/p/subscriptions/pushed";
    await bed.send("PUT", path, { topic: TOPIC });
    const config = { pushConfig: { pushEndpoint: "https://example.com/" } };
    assert.equal((await bed.send("POST", `${path}:modifyPushConfig`, config)).text, "{}\n");
    const pull = await bed.send("POST", `${path}:pull`, { maxMessages: 1 });
    assert.deepEqual(JSON.parse(pull.text).error, {
      code: 400,
      message: "This method is not supported for this subscription type.",
      status: "FAILED_PRECONDITION",
    });
    assert.equal((await bed.send("POST", `${path}:modifyPushConfig`, {})).text, "{}\n");
    assert.match((await bed.send("GET", path)).text, /"pushConfig": \{\}/);
  });

  test("a snapshot is made, read, listed, changed, sought and deleted", async () => {
    const labels = { a: "1" };
    const snapshot = {
      name: "projects/p/snapshots/before",
      topic: TOPIC,
      expireTime: "2023-11-14T22:13:20.123Z",
      labels,
    };
    const made = await bed.json("PUT", SNAPSHOT, { subscription: "projects/p/subscriptions/billing", labels });
    assert.deepEqual(made, snapshot);
    assert.deepEqual(await bed.json("GET", SNAPSHOT), snapshot);
    assert.deepEqual(await bed.json("GET", "/v1/projects/p/snapshots"), { snapshots: [snapshot] });
    assert.deepEqual(await bed.json("GET", `/v1/${TOPIC}/snapshots`), { snapshots: [snapshot.name] });
    const patch = { snapshot: { labels: { b: "2" } }, updateMask: "labels" };
    assert.deepEqual(await bed.json("PATCH", SNAPSHOT, patch), { ...snapshot, labels: { b: "2" } });
    assert.equal((await bed.send("POST", `${SUBSCRIPTION}:seek`, { snapshot: snapshot.name })).text, "{}\n");
    const time = { time: "2026-01-01T00:00:00.000000001Z" };
    assert.equal((await bed.send("POST", `${SUBSCRIPTION}:seek`, time)).text, "{}\n");
    assert.deepEqual(
      bed.engine.seeks.map(({ target }) => target),
      [
        { kind: "snapshot", name: snapshot.name },
        { kind: "time", timeMs: Date.UTC(2026, 0, 1) + 1 },
      ],
    );
    assert.equal((await bed.send("POST", `${SUBSCRIPTION}:seek`, {})).status, 400);
    assert.equal((await bed.send("DELETE", SNAPSHOT)).text, "{}\n");
    assert.equal((await bed.send("GET", SNAPSHOT)).status, 404);
  });

  test("failed ack ids stand in the details of the error", async () => {
    bed.engine.failures = [{ ackId: "ok2", reason: "invalid" }];
    for (const [verb, fields] of [
      ["acknowledge", {}],
      ["modifyAckDeadline", { ackDeadlineSeconds: 0 }],
    ] as const) {
      const answer = await bed.send("POST", `${SUBSCRIPTION}:${verb}`, { ackIds: ["ok1", "ok2"], ...fields });
      assert.equal(answer.status, 400);
      const { error } = JSON.parse(answer.text);
      assert.equal(error.status, "INVALID_ARGUMENT");
      assert.deepEqual(error.details, [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "EXACTLY_ONCE_ACKID_FAILURE",
          domain: "pubsub.googleapis.com",
          metadata: { ok2: "PERMANENT_FAILURE_INVALID_ACK_ID" },
        },
      ]);
    }
  });

  test("a pull tells attempts where there are any", async () => {
    const answer = bed.json("POST", `${SUBSCRIPTION}:pull`, { maxMessages: 10 });
    while (bed.engine.pullers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const batch = batchOf("hi");
    const [run] = batch.runs;
    assert.ok(run);
    const again = { ...run, firstSequence: 2, firstMessageId: 1_001, deliveryAttempt: 3 };
    bed.engine.pullers[0]!.sink.deliver({ ...batch, messageCount: 2, runs: [run, again] });
    const publishTime = "2023-11-14T22:13:20.123Z";
    assert.deepEqual(await answer, {
      receivedMessages: [
        { ackId: "ok01", message: { data: "aGk=", messageId: "1000", publishTime } },
        { ackId: "ok02", message: { data: "aGk=", messageId: "1001", publishTime }, deliveryAttempt: 3 },
      ],
    });
  });
});
