import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  DeleteTopicRequestSchema,
  Encoding,
  GetTopicRequestSchema,
  ListTopicSubscriptionsRequestSchema,
  ListTopicsRequestSchema,
  TopicSchema,
  UpdateTopicRequestSchema,
} from "@peal/wire";
import { apiFixture } from "../api-fixture.test.support.js";
import { createTopic, deleteTopic, getTopic, listTopicSubscriptions, listTopics, updateTopic } from "./topics.js";

const NAME = "projects/p/topics/orders";

function topic(fields: MessageInitShape<typeof TopicSchema> = {}) {
  return create(TopicSchema, { name: NAME, ...fields });
}

function duration(seconds: number, nanos = 0) {
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

function refused(code: string, message: string) {
  return { name: "PubSubError", code, message };
}

function badName(name: string) {
  return refused(
    "INVALID_ARGUMENT",
    `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  );
}

test("a topic lives from create to delete", async () => {
  const { context } = apiFixture();
  assert.equal((await createTopic(context, topic({ labels: { a: "b" } }))).name, NAME);
  const got = await getTopic(context, create(GetTopicRequestSchema, { topic: NAME }));
  assert.deepEqual(got.labels, { a: "b" });
  await deleteTopic(context, create(DeleteTopicRequestSchema, { topic: NAME }));
  await assert.rejects(
    getTopic(context, create(GetTopicRequestSchema, { topic: NAME })),
    refused("NOT_FOUND", "Resource not found (resource=orders)."),
  );
});

test("a name that is taken or malformed is refused in the words of the service", async () => {
  const { context } = apiFixture();
  await createTopic(context, topic());
  await assert.rejects(
    createTopic(context, topic()),
    refused("ALREADY_EXISTS", "Resource already exists in the project (resource=orders)."),
  );
  for (const name of [
    "",
    "orders",
    "projects/p/topics/ab",
    "projects/p/topics/GoOgle-topic",
    "projects/p/subscriptions/orders",
  ]) {
    await assert.rejects(createTopic(context, topic({ name })), badName(name));
  }
});

test("the emulator profile has the emulator's words", async () => {
  const { context } = apiFixture("emulator");
  await createTopic(context, topic());
  await assert.rejects(createTopic(context, topic()), refused("ALREADY_EXISTS", "Topic already exists"));
  await assert.rejects(
    createTopic(context, topic({ name: "x" })),
    refused("INVALID_ARGUMENT", "Invalid [topics] name: (name=x)"),
  );
  const request = create(GetTopicRequestSchema, { topic: "projects/p/topics/other" });
  await assert.rejects(getTopic(context, request), refused("NOT_FOUND", "Topic not found"));
});

test("a topic's retention is between 10 minutes and 31 days", async () => {
  const { context } = apiFixture();
  const kept = await createTopic(context, topic({ messageRetentionDuration: duration(600, 500_000_000) }));
  assert.deepEqual(kept.messageRetentionDuration, duration(600, 500_000_000));
  const text = (given: string) =>
    refused(
      "INVALID_ARGUMENT",
      `The value for message retention duration is out of bounds. You passed ${given} in the request, but the value must be between 10m and 744h.`,
    );
  const other = "projects/p/topics/other";
  const create_ = (seconds: number, nanos = 0) =>
    createTopic(context, topic({ name: other, messageRetentionDuration: duration(seconds, nanos) }));
  await assert.rejects(create_(599), text("9m59s"));
  await assert.rejects(create_(2_678_401), text("744h1s"));
  await create_(2_678_400);
});

test("a storage policy without regions and a malformed key name are refused", async () => {
  const { context } = apiFixture();
  await assert.rejects(createTopic(context, topic({ messageStoragePolicy: {} })), { code: "INVALID_ARGUMENT" });
  await assert.rejects(createTopic(context, topic({ kmsKeyName: "key" })), { code: "INVALID_ARGUMENT" });
  const kmsKeyName = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
  const made = await createTopic(
    context,
    topic({ kmsKeyName, messageStoragePolicy: { allowedPersistenceRegions: ["europe-west1"] }, tags: { "1/a": "b" } }),
  );
  assert.equal(made.kmsKeyName, kmsKeyName);
  assert.deepEqual(made.messageStoragePolicy?.allowedPersistenceRegions, ["europe-west1"]);
  assert.deepEqual(made.tags, {});
});

test("a setting that is not implemented is checked first and then refused by its name", async () => {
  const { context, engine } = apiFixture();
  const schema = "projects/p/schemas/order";
  await assert.rejects(createTopic(context, topic({ schemaSettings: { schema: "x" } })), badName("x"));
  await assert.rejects(createTopic(context, topic({ schemaSettings: { schema } })), { code: "INVALID_ARGUMENT" });
  const unimplemented = (field: string) =>
    refused("UNIMPLEMENTED", `The field ${field} of a Topic is not implemented by this server; leave it unset.`);
  await assert.rejects(
    createTopic(context, topic({ schemaSettings: { schema, encoding: Encoding.JSON } })),
    unimplemented("schema_settings"),
  );
  await assert.rejects(
    createTopic(context, topic({ ingestionDataSourceSettings: {} })),
    unimplemented("ingestion_data_source_settings"),
  );
  const udf = (functionName: string) => ({
    transform: { case: "javascriptUdf" as const, value: { functionName, code: "" } },
  });
  await assert.rejects(
    createTopic(context, topic({ messageTransforms: [udf("f")] })),
    unimplemented("message_transforms"),
  );
  const six = ["a", "b", "c", "d", "e", "f"].map(udf);
  await assert.rejects(createTopic(context, topic({ messageTransforms: six })), { code: "INVALID_ARGUMENT" });
  assert.equal(engine.topics.size, 0);
});

test("an update changes what the mask names and nothing else", async () => {
  const { context } = apiFixture();
  await createTopic(context, topic({ labels: { a: "1", b: "2" }, messageRetentionDuration: duration(600) }));
  const update = (paths: string[], fields: MessageInitShape<typeof TopicSchema>) =>
    updateTopic(context, create(UpdateTopicRequestSchema, { topic: topic(fields), updateMask: { paths } }));
  // Outside of the mask even nonsense does not matter.
  const relabelled = await update(["labels"], { labels: { c: "3" }, messageRetentionDuration: duration(1) });
  assert.deepEqual(relabelled.labels, { c: "3" });
  assert.deepEqual(relabelled.messageRetentionDuration, duration(600));
  const oneLabel = await update(["labels.d"], { labels: { d: "4", e: "5" } });
  assert.deepEqual(oneLabel.labels, { c: "3", d: "4" });
  const cleared = await update(["message_retention_duration"], {});
  assert.equal(cleared.messageRetentionDuration, undefined);
  const all = await update(["*"], { labels: { z: "" } });
  assert.deepEqual(all.labels, { z: "" });
});

test("a mask that is empty, unknown or immutable changes nothing and says why", async () => {
  const { context } = apiFixture();
  await createTopic(context, topic({ labels: { a: "1" } }));
  const update = (paths: string[] | undefined) =>
    updateTopic(
      context,
      create(UpdateTopicRequestSchema, { topic: topic({ labels: {} }), ...(paths && { updateMask: { paths } }) }),
    );
  const empty = refused(
    "INVALID_ARGUMENT",
    "The update_mask in the UpdateTopicRequest must be set, and must contain a non-empty paths list.",
  );
  await assert.rejects(update(undefined), empty);
  await assert.rejects(update([]), empty);
  for (const path of ["colour", "labels.", "name.x", "kmsKeyName", "message_storage_policy.colour"]) {
    await assert.rejects(
      update(["labels", path]),
      refused(
        "INVALID_ARGUMENT",
        `Invalid update_mask provided in the UpdateTopicRequest: '${path}' is not a known Topic field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`,
      ),
    );
  }
  for (const path of ["name", "state", "satisfies_pzs", "tags"]) {
    await assert.rejects(
      update(["labels", path]),
      refused(
        "INVALID_ARGUMENT",
        `Invalid update_mask provided in the UpdateTopicRequest: the '${path}' field in the Topic is not mutable.`,
      ),
    );
  }
  assert.deepEqual(context.engine.getTopic(NAME).labels, { a: "1" });
});

test("pages of one walk all topics once, also when the topic at the boundary is deleted", async () => {
  const { context, engine } = apiFixture();
  const names = ["aaa", "bbb", "ccc"].map((id) => `projects/p/topics/${id}`);
  for (const name of names) await createTopic(context, topic({ name }));
  const list = (pageSize: number, pageToken = "") =>
    listTopics(context, create(ListTopicsRequestSchema, { project: "projects/p", pageSize, pageToken }));
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = list(1, pageToken);
    seen.push(...page.topics.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen, names);
  assert.equal(list(0).topics.length, 3);
  assert.equal(list(0).nextPageToken, "");
  assert.equal(list(3).nextPageToken, "");
  const token = list(1).nextPageToken;
  assert.match(token, /^[\w-]+$/);
  engine.topics.delete(names[0]!);
  assert.equal(list(1, token).topics[0]?.name, names[1]);
});

test("the subscriptions of a missing topic cannot be listed", async () => {
  const { context } = apiFixture();
  await assert.rejects(
    listTopicSubscriptions(context, create(ListTopicSubscriptionsRequestSchema, { topic: NAME })),
    refused("NOT_FOUND", "Resource not found (resource=orders)."),
  );
});
