import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf, secondsOf } from "../context.js";
import { expectRestError, isObject, okJson } from "../rest.js";
import { alreadyExists, notFound, outOfBounds, RETENTION_OUT_OF_BOUNDS } from "../texts.js";

const DAYS_31_SECONDS = 2_678_400;
const UDF = { javascriptUdf: { functionName: "same", code: "function same(message, metadata) { return message; }" } };

export const TOP_CASES: readonly ConformanceCase[] = [
  {
    id: "TOP-001",
    title: "a topic is created, read, listed and deleted",
    run: async (context) => {
      const topic = await context.createTopic();
      const [read] = await context.publisher.getTopic({ topic });
      assert.equal(read.name, topic);
      const project = `projects/${context.project}`;
      const [listed] = await context.publisher.listTopics({ project });
      assert.deepEqual(
        listed.map(({ name }) => name),
        [topic],
      );
      await context.publisher.deleteTopic({ topic });
      const [left] = await context.publisher.listTopics({ project });
      assert.deepEqual(left, []);
    },
  },
  {
    id: "TOP-002",
    title: "creating a topic again is ALREADY_EXISTS, even with equal content",
    run: async (context) => {
      const topic = await context.createTopic();
      await context.refuses(context.publisher.createTopic({ name: topic }), "ALREADY_EXISTS", alreadyExists(topic));
    },
  },
  {
    id: "TOP-003",
    title: "a missing topic is NOT_FOUND for get, delete and update",
    run: async (context) => {
      const topic = context.topicName("nowhere");
      await context.refuses(context.publisher.getTopic({ topic }), "NOT_FOUND", notFound(topic));
      await context.refuses(context.publisher.deleteTopic({ topic }), "NOT_FOUND", notFound(topic));
      const update = { topic: { name: topic, labels: { k: "v" } }, updateMask: { paths: ["labels"] } };
      await context.refuses(context.publisher.updateTopic(update), "NOT_FOUND", notFound(topic));
    },
  },
  {
    id: "TOP-004",
    title: "a topic retains messages for 10 minutes to 31 days, to the fraction of a second",
    run: async (context) => {
      for (const duration of [{ seconds: 600 }, { seconds: DAYS_31_SECONDS }, { seconds: 600, nanos: 500_000_000 }]) {
        const topic = await context.createTopic({ messageRetentionDuration: duration });
        const [read] = await context.publisher.getTopic({ topic });
        assert.equal(secondsOf(read.messageRetentionDuration), duration.seconds);
        assert.equal(read.messageRetentionDuration?.nanos ?? 0, duration.nanos ?? 0);
      }
      await context.refuses(
        context.createTopic({ messageRetentionDuration: { seconds: 599 } }),
        "INVALID_ARGUMENT",
        outOfBounds("message retention duration", "9m59s", "10m", "744h"),
      );
      await context.refuses(
        context.createTopic({ messageRetentionDuration: { seconds: DAYS_31_SECONDS + 1 } }),
        "INVALID_ARGUMENT",
        RETENTION_OUT_OF_BOUNDS,
      );
    },
  },
  {
    id: "TOP-005",
    title: "UpdateTopic changes labels and retention, and clears retention",
    run: async (context) => {
      const topic = await context.createTopic();
      const [updated] = await context.publisher.updateTopic({
        topic: { name: topic, labels: { k: "v" }, messageRetentionDuration: { seconds: 1200 } },
        updateMask: { paths: ["labels", "message_retention_duration"] },
      });
      assert.deepEqual(updated.labels, { k: "v" });
      assert.equal(secondsOf(updated.messageRetentionDuration), 1200);
      await context.publisher.updateTopic({
        topic: { name: topic },
        updateMask: { paths: ["message_retention_duration"] },
      });
      const [read] = await context.publisher.getTopic({ topic });
      assert.equal(read.messageRetentionDuration ?? null, null);
      assert.deepEqual(read.labels, { k: "v" });
    },
  },
  {
    id: "TOP-006",
    title: "state and satisfies_pzs are ignored on input",
    run: async (context) => {
      const topic = await context.createTopic({ state: "INGESTION_RESOURCE_ERROR", satisfiesPzs: true });
      const [read] = await context.publisher.getTopic({ topic });
      assert.notEqual(read.state, "INGESTION_RESOURCE_ERROR");
      assert.equal(read.satisfiesPzs ?? false, false);
    },
  },
  {
    id: "TOP-007",
    title: "a storage policy without regions is refused",
    run: async (context) => {
      await context.refuses(context.createTopic({ messageStoragePolicy: {} }), "INVALID_ARGUMENT");
      const messageStoragePolicy = { allowedPersistenceRegions: ["europe-west1"] };
      const topic = await context.createTopic({ messageStoragePolicy });
      const [read] = await context.publisher.getTopic({ topic });
      assert.deepEqual(read.messageStoragePolicy?.allowedPersistenceRegions, ["europe-west1"]);
    },
  },
  {
    id: "TOP-008",
    title: "settings that name a missing schema are NOT_FOUND",
    needs: ["schemas"],
    run: async (context) => {
      const schema = `projects/${context.project}/schemas/nowhere`;
      await context.refuses(
        context.createTopic({ schemaSettings: { schema, encoding: "JSON" } }),
        "NOT_FOUND",
        notFound(schema),
      );
    },
  },
  {
    id: "TOP-009",
    title: "a schema without an encoding is refused",
    needs: ["schemas"],
    run: async (context) => {
      const [schema] = await context.schemas.createSchema({
        parent: `projects/${context.project}`,
        schemaId: "schema",
        schema: { type: "AVRO", definition: '{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}' },
      });
      const schemaSettings = { schema: schema.name ?? "" };
      await context.refuses(context.createTopic({ schemaSettings }), "INVALID_ARGUMENT");
    },
  },
  {
    id: "TOP-010",
    title: "a topic has at most five transforms",
    needs: ["transforms"],
    run: async (context) => {
      const transforms = Array.from({ length: 6 }, (_, index) => ({
        javascriptUdf: {
          ...UDF.javascriptUdf,
          functionName: `same${index}`,
          code: UDF.javascriptUdf.code.replace("same", `same${index}`),
        },
      }));
      await context.createTopic({ messageTransforms: transforms.slice(0, 5) });
      await context.refuses(context.createTopic({ messageTransforms: transforms }), "INVALID_ARGUMENT");
    },
  },
  {
    id: "TOP-011",
    title: "tags are accepted and never returned",
    run: async (context) => {
      const topic = await context.createTopic({ tags: { "123456/environment": "production" } });
      const [read] = await context.publisher.getTopic({ topic });
      assert.deepEqual(read.tags ?? {}, {});
    },
  },
  {
    id: "TOP-012",
    title: "kms_key_name comes back as given",
    run: async (context) => {
      const kmsKeyName = `projects/${context.project}/locations/global/keyRings/ring/cryptoKeys/key`;
      const topic = await context.createTopic({ kmsKeyName });
      const [read] = await context.publisher.getTopic({ topic });
      assert.equal(read.kmsKeyName, kmsKeyName);
    },
  },
  {
    id: "TOP-013",
    title: "ingestion settings come back with state ACTIVE, and two sources are refused",
    needs: ["ingestion"],
    run: async (context) => {
      const awsKinesis = {
        streamArn: "arn:aws:kinesis:us-east-1:111111111111:stream/s",
        consumerArn: "arn:aws:kinesis:us-east-1:111111111111:stream/s/consumer/c:1",
        awsRoleArn: "arn:aws:iam::111111111111:role/r",
        gcpServiceAccount: "ingest@example.com",
      };
      const topic = context.topicName("kinesis");
      okJson(await context.rest("PUT", `/v1/${topic}`, { ingestionDataSourceSettings: { awsKinesis } }));
      const read = okJson(await context.rest("GET", `/v1/${topic}`));
      const settings = read["ingestionDataSourceSettings"];
      assert.deepEqual(isObject(settings) && settings["awsKinesis"], { ...awsKinesis, state: "ACTIVE" });
      const both = { awsKinesis, cloudStorage: { bucket: "bucket", textFormat: {} } };
      const refused = await context.rest("PUT", "/topics/both", { ingestionDataSourceSettings: both });
      expectRestError(refused, "INVALID_ARGUMENT");
    },
  },
  {
    id: "TOP-014",
    title: "the subscription of a deleted topic keeps its backlog",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "left behind");
      await context.publisher.deleteTopic({ topic });
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.equal(read.topic, "_deleted-topic_");
      const [message] = await context.pull(subscription, 1);
      assert.ok(message);
      assert.equal(dataOf(message), "left behind");
      await context.acknowledge(subscription, [ackIdOf(message)]);
      await context.modifyAckDeadline(subscription, [ackIdOf(message)], 0);
      await context.expectNothing(subscription, "the backlog is acked");
    },
  },
  {
    id: "TOP-015",
    title: "a topic made again does not feed the old subscriptions",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publisher.deleteTopic({ topic });
      await context.createTopic({ name: topic });
      const fresh = await context.createSubscription(topic);
      await context.publish(topic, "new");
      assert.deepEqual((await context.pull(fresh, 1)).map(dataOf), ["new"]);
      await context.expectNothing(subscription, "the old subscription is not attached");
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.equal(read.topic, "_deleted-topic_");
    },
  },
  {
    id: "TOP-016",
    title: "publishing to a deleted topic is NOT_FOUND",
    run: async (context) => {
      const topic = await context.createTopic();
      await context.publish(topic, "in time");
      await context.publisher.deleteTopic({ topic });
      await context.refuses(context.publish(topic, "too late"), "NOT_FOUND", notFound(topic));
      await context.refuses(context.publisher.deleteTopic({ topic }), "NOT_FOUND", notFound(topic));
    },
  },
  {
    id: "TOP-017",
    title: "a topic that receives dead letters can be deleted",
    needs: ["dead letter"],
    run: async (context) => {
      const deadLetterTopic = await context.createTopic();
      const topic = await context.createTopic();
      const subscription = await context.createSubscription(topic, { deadLetterPolicy: { deadLetterTopic } });
      await context.publisher.deleteTopic({ topic: deadLetterTopic });
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.equal(read.deadLetterPolicy?.deadLetterTopic, deadLetterTopic);
    },
  },
];
