import assert from "node:assert/strict";
import { protos } from "@google-cloud/pubsub";
import { answerOf, expectAnswer } from "../answer.js";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { expectRestError } from "../rest.js";
import { EMPTY_MESSAGE } from "../texts.js";

const GZIP = 2;

/** Input that no honest client sends, and names that change hands while they are used. */
export const BAD_INPUT_CASES: readonly ConformanceCase[] = [
  {
    id: "REST-002",
    title: "a body that is not JSON is refused as an invalid payload",
    run: async (context) => {
      for (const body of ['{"labels":', "nonsense", '{"labels":{"k":"v"}} more', "[]"]) {
        const response = await context.rest("PUT", "/topics/topic", body);
        const text = body === "[]" ? undefined : /^Invalid JSON payload received\. /;
        expectRestError(response, "INVALID_ARGUMENT", context.exactly(text));
      }
      expectRestError(await context.rest("GET", "/topics/topic"), "NOT_FOUND");
    },
  },
  {
    id: "REST-006",
    title: "a value of the wrong type is refused",
    run: async (context) => {
      const topic = await context.createTopic();
      const wrong = [
        { topic, ackDeadlineSeconds: "many" },
        { topic, ackDeadlineSeconds: {} },
        { topic, retainAckedMessages: "perhaps" },
        { topic, labels: ["k"] },
        { topic: 7 },
      ];
      for (const body of wrong) {
        const response = await context.rest("PUT", "/subscriptions/sub", body);
        expectRestError(response, "INVALID_ARGUMENT");
      }
      expectRestError(await context.rest("GET", "/subscriptions/sub"), "NOT_FOUND");
    },
  },
  {
    id: "REST-018",
    title: "a compressed publish is measured by what it expands to",
    run: async (context) => {
      const topic = await context.createTopic();
      const { PublishRequest } = protos.google.pubsub.v1;
      const zeros = PublishRequest.encode({ topic, messages: [{ data: Buffer.alloc(50_000_000) }] }).finish();
      const raw = context.openConnection({ "grpc.default_compression_algorithm": GZIP });
      const call = raw.unary("google.pubsub.v1.Publisher/Publish", zeros);
      await context.refuses(call.response, "INVALID_ARGUMENT");
      assert.equal((await context.publish(topic, "the server goes on")).length, 1);
    },
  },
  {
    id: "TOP-004",
    title: "a duration that is no duration is refused",
    run: async (context) => {
      for (const messageRetentionDuration of [
        { seconds: 700, nanos: -1 },
        { seconds: 700, nanos: 1_000_000_000 },
        { seconds: -700 },
      ]) {
        await context.refuses(context.createTopic({ messageRetentionDuration }), "INVALID_ARGUMENT");
      }
    },
  },
  {
    id: "LABEL-001",
    title: "an update counts labels as a creation does",
    run: async (context) => {
      const subject = { name: await context.createTopic({ labels: { k: "v" } }) };
      const labels = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`key-${index}`, ""]));
      const update = context.publisher.updateTopic({
        topic: { ...subject, labels },
        updateMask: { paths: ["labels"] },
      });
      await context.refuses(update, "INVALID_ARGUMENT");
      const [read] = await context.publisher.getTopic({ topic: subject.name });
      assert.deepEqual(read.labels, { k: "v" });
    },
  },
  {
    id: "PUB-007",
    title: "a bad message anywhere in a batch of 1000 keeps the batch out",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const good = Array.from({ length: 999 }, (_, index) => `m${index}`);
      for (const batch of [
        [{}, ...good],
        [...good, {}],
      ]) {
        await context.refuses(context.publish(topic, ...batch), "INVALID_ARGUMENT", EMPTY_MESSAGE);
      }
      await context.expectNothing(subscription, "nothing of a refused batch is stored");
    },
  },
  {
    id: "ACK-015",
    title: "an ack id of a deleted subscription acks nothing of one made again under its name",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "old");
      const [old] = await context.pull(subscription, 1);
      await context.subscriber.deleteSubscription({ subscription });
      await context.createSubscription(topic, { name: subscription });
      await context.publish(topic, "new");
      const [fresh] = await context.pull(subscription, 1);
      try {
        await context.acknowledge(subscription, [ackIdOf(old)]);
      } catch (error) {
        // Refusing the id and ignoring it are both allowed.
        const answer = answerOf(error);
        if (answer === undefined) throw error;
        expectAnswer(answer, "INVALID_ARGUMENT", undefined);
      }
      await context.modifyAckDeadline(subscription, [ackIdOf(fresh)], 0);
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["new"]);
    },
  },
  {
    id: "TOP-015",
    title: "a publish during a recreation lands in the old topic, in the new one, or fails",
    run: async (context) => {
      const { topic, subscription: old } = await context.createPair({ ackDeadlineSeconds: 60 });
      const accepted: string[] = [];
      let isDone = false;
      const publishing = Promise.all(
        Array.from({ length: 8 }, async () => {
          while (!isDone) {
            try {
              accepted.push(...(await context.publish(topic, "m")));
            } catch (error) {
              const answer = answerOf(error);
              if (answer === undefined) throw error;
              expectAnswer(answer, "NOT_FOUND", undefined);
            }
          }
        }),
      );
      // Awaited below; a failure before that must not end the process.
      publishing.catch(() => undefined);
      await context.publisher.deleteTopic({ topic });
      await context.createTopic({ name: topic });
      const fresh = await context.createSubscription(topic, { ackDeadlineSeconds: 60 });
      // The publishes between the topic's creation and its subscription's are in neither backlog.
      const afterCreation = await context.publish(topic, "marker");
      isDone = true;
      await publishing;
      const received = new Set<string>();
      for (const subscription of [old, fresh]) {
        for (let came = await context.pullNow(subscription, 1000); came.length > 0; ) {
          for (const one of came) {
            const id = one.message?.messageId ?? "";
            assert.ok(!received.has(id), `${id} is in both topics`);
            received.add(id);
          }
          came = await context.pullNow(subscription, 1000);
        }
      }
      const known = new Set([...accepted, ...afterCreation]);
      assert.deepEqual(
        [...received].filter((id) => !known.has(id)),
        [],
        "only accepted publishes are stored",
      );
      assert.ok(received.has(afterCreation[0] ?? ""), "the new subscription has what came after its creation");
    },
  },
];
