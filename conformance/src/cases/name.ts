import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { okJson } from "../rest.js";
import { alreadyExists, invalidName, notFound } from "../texts.js";

export const NAME_CASES: readonly ConformanceCase[] = [
  {
    id: "NAME-001",
    title: "an id has 3 characters or more",
    run: async (context) => {
      const topic = await context.createTopic({ name: context.topicName("abc") });
      await context.createSubscription(topic, { name: context.subscriptionName("abc") });
      const short = context.topicName("ab");
      await context.refuses(context.publisher.createTopic({ name: short }), "INVALID_ARGUMENT", invalidName(short));
      const subscription = context.subscriptionName("ab");
      await context.refuses(
        context.subscriber.createSubscription({ name: subscription, topic }),
        "INVALID_ARGUMENT",
        invalidName(subscription),
      );
    },
  },
  {
    id: "NAME-002",
    title: "an id has at most 255 characters",
    run: async (context) => {
      const longest = context.topicName("a".repeat(255));
      assert.equal(await context.createTopic({ name: longest }), longest);
      const longer = `${longest}a`;
      await context.refuses(context.publisher.createTopic({ name: longer }), "INVALID_ARGUMENT", invalidName(longer));
    },
  },
  {
    id: "NAME-003",
    title: "every legal punctuation goes through gRPC and REST, percent-decoded once",
    run: async (context) => {
      const name = await context.createTopic({ name: context.topicName("x-_.~+%y") });
      const got = okJson(await context.rest("GET", `/topics/${encodeURIComponent("x-_.~+%y")}`));
      assert.equal(got["name"], name);

      const escaped = "a%2Bb";
      const made = okJson(await context.rest("PUT", `/topics/${encodeURIComponent(escaped)}`, {}));
      assert.equal(made["name"], context.topicName(escaped));
      const [read] = await context.publisher.getTopic({ topic: context.topicName(escaped) });
      assert.equal(read.name, context.topicName(escaped));
      await context.refuses(context.publisher.getTopic({ topic: context.topicName("a+b") }), "NOT_FOUND");
    },
  },
  {
    id: "NAME-004",
    title: "an id starts with a letter",
    run: async (context) => {
      for (const id of ["1abc", "-abc", "_abc"]) {
        const name = context.topicName(id);
        await context.refuses(context.publisher.createTopic({ name }), "INVALID_ARGUMENT", invalidName(name));
      }
    },
  },
  {
    id: "NAME-005",
    title: "an id does not start with goog",
    run: async (context) => {
      const lower = context.topicName("google-topic");
      await context.refuses(context.publisher.createTopic({ name: lower }), "INVALID_ARGUMENT", invalidName(lower));
      if (context.isService) {
        const mixed = context.topicName("GoOgle-topic");
        await context.refuses(context.publisher.createTopic({ name: mixed }), "INVALID_ARGUMENT", invalidName(mixed));
      } else {
        await context.createTopic({ name: context.topicName("GOOGle-topic") });
      }
    },
  },
  {
    id: "NAME-006",
    title: "an id is ASCII",
    run: async (context) => {
      for (const id of ["t\u00f3pico", "topic-\u{1f600}", "\u00e9t\u00e9"]) {
        const name = context.topicName(id);
        await context.refuses(context.publisher.createTopic({ name }), "INVALID_ARGUMENT", invalidName(name));
      }
    },
  },
  {
    id: "NAME-007",
    title: "a name of another collection is refused",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const asTopic = context.subscriber.getSubscription({ subscription: topic });
      await context.refuses(asTopic, "INVALID_ARGUMENT", invalidName(topic));
      const asSubscription = context.publish(subscription, "x");
      await context.refuses(asSubscription, "INVALID_ARGUMENT", invalidName(subscription));
      await context.refuses(context.publisher.getTopic({ topic: "" }), "INVALID_ARGUMENT", invalidName(""));
    },
  },
  {
    id: "NAME-008",
    title: "NOT_FOUND names only the last segment",
    run: async (context) => {
      const topic = context.topicName("nowhere");
      const subscription = context.subscriptionName("nobody");
      await context.refuses(context.publisher.getTopic({ topic }), "NOT_FOUND", notFound("nowhere"));
      await context.refuses(context.publish(topic, "x"), "NOT_FOUND", notFound("nowhere"));
      await context.refuses(context.subscriber.getSubscription({ subscription }), "NOT_FOUND", notFound("nobody"));
      await context.refuses(context.createSubscription(topic), "NOT_FOUND", notFound("nowhere"));
    },
  },
  {
    id: "NAME-009",
    title: "ALREADY_EXISTS names only the last segment",
    run: async (context) => {
      const topic = await context.createTopic({ name: context.topicName("taken") });
      await context.refuses(context.publisher.createTopic({ name: topic }), "ALREADY_EXISTS", alreadyExists("taken"));
      const name = await context.createSubscription(topic, { name: context.subscriptionName("taken-too") });
      await context.refuses(
        context.subscriber.createSubscription({ name, topic }),
        "ALREADY_EXISTS",
        alreadyExists("taken-too"),
      );
    },
  },
  {
    id: "NAME-010",
    title: "a topic and a subscription may have the same id",
    run: async (context) => {
      const topic = await context.createTopic({ name: context.topicName("same") });
      await context.createSubscription(topic, { name: context.subscriptionName("same") });
    },
  },
  {
    id: "NAME-010",
    title: "a snapshot may have the id of a topic",
    needs: ["snapshots"],
    run: async (context) => {
      const topic = await context.createTopic({ name: context.topicName("same") });
      const subscription = await context.createSubscription(topic, { name: context.subscriptionName("same") });
      await context.subscriber.createSnapshot({ name: context.snapshotName("same"), subscription });
    },
  },
  {
    id: "NAME-010",
    title: "a schema may have the id of a topic",
    needs: ["schemas"],
    run: async (context) => {
      await context.createTopic({ name: context.topicName("same") });
      const definition = '{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}';
      const schema = { type: "AVRO" as const, definition };
      await context.schemas.createSchema({ parent: `projects/${context.project}`, schemaId: "same", schema });
    },
  },
  {
    id: "NAME-011",
    title: "a name made again is a fresh resource",
    run: async (context) => {
      const topic = await context.createTopic({ labels: { old: "yes" } });
      const subscription = await context.createSubscription(topic, { labels: { old: "yes" } });
      await context.publish(topic, "old");
      await context.subscriber.deleteSubscription({ subscription });
      await context.publisher.deleteTopic({ topic });

      await context.createTopic({ name: topic });
      await context.createSubscription(topic, { name: subscription });
      const [readTopic] = await context.publisher.getTopic({ topic });
      const [readSubscription] = await context.subscriber.getSubscription({ subscription });
      assert.deepEqual(readTopic.labels, {});
      assert.deepEqual(readSubscription.labels, {});
      await context.expectNothing(subscription, "the old backlog is gone");
    },
  },
  {
    id: "NAME-012",
    title: "a subscription without a name gets one over gRPC",
    run: async (context) => {
      const topic = await context.createTopic();
      const name = await context.createSubscription(topic, { name: "" });
      assert.ok(name.startsWith(`projects/${context.project}/subscriptions/`), name);
      assert.match(name.slice(name.lastIndexOf("/") + 1), /^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/i);
      const [read] = await context.subscriber.getSubscription({ subscription: name });
      assert.equal(read.topic, topic);
    },
  },
  {
    id: "NAME-013",
    title: "a snapshot without a name gets one over gRPC",
    needs: ["snapshots"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [snapshot] = await context.subscriber.createSnapshot({ name: "", subscription });
      assert.ok(snapshot.name?.startsWith(`projects/${context.project}/snapshots/`), snapshot.name ?? "no name");
    },
  },
];
