import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CreateSnapshotRequestSchema,
  DeleteSnapshotRequestSchema,
  GetSnapshotRequestSchema,
  ListSnapshotsRequestSchema,
  ListTopicSnapshotsRequestSchema,
  SeekRequestSchema,
  type SnapshotSchema,
  UpdateSnapshotRequestSchema,
} from "@peal/wire";
import { apiFixture } from "../api-fixture.test.support.js";
import {
  createSnapshot,
  deleteSnapshot,
  getSnapshot,
  listSnapshots,
  listTopicSnapshots,
  updateSnapshot,
} from "./snapshots.js";
import { seek } from "./subscriptions.js";

const TOPIC = "projects/p/topics/orders";
const SUBSCRIPTION = "projects/p/subscriptions/billing";
const NAME = "projects/p/snapshots/before";

async function fixture(profile: "service" | "emulator" = "service") {
  const { context, engine } = apiFixture(profile);
  engine.topics.set(TOPIC, { name: TOPIC, labels: {} });
  await engine.createSubscription({
    name: SUBSCRIPTION,
    topic: TOPIC,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
  });
  return {
    context,
    engine,
    make: (fields: MessageInitShape<typeof CreateSnapshotRequestSchema> = {}) =>
      createSnapshot(
        context,
        create(CreateSnapshotRequestSchema, { name: NAME, subscription: SUBSCRIPTION, ...fields }),
      ),
    get: (snapshot = NAME) => getSnapshot(context, create(GetSnapshotRequestSchema, { snapshot })),
    update: (paths: string[], fields: MessageInitShape<typeof SnapshotSchema> = {}) =>
      updateSnapshot(
        context,
        create(UpdateSnapshotRequestSchema, { snapshot: { name: NAME, ...fields }, updateMask: { paths } }),
      ),
    remove: (snapshot = NAME) => deleteSnapshot(context, create(DeleteSnapshotRequestSchema, { snapshot })),
    seek: (target: MessageInitShape<typeof SeekRequestSchema>["target"], subscription = SUBSCRIPTION) =>
      seek(context, create(SeekRequestSchema, { subscription, ...(target && { target }) })),
  };
}

test("a snapshot comes back with its topic, labels and expiry", async () => {
  const { make, get } = await fixture();
  const made = await make({ labels: { a: "1" } });
  assert.deepEqual([made.name, made.topic, made.labels], [NAME, TOPIC, { a: "1" }]);
  assert.deepEqual([made.expireTime?.seconds, made.expireTime?.nanos], [1_700_000_000n, 123_000_000]);
  assert.deepEqual(await get(), made);
});

test("a snapshot without a name gets one in the project of its subscription", async () => {
  const { make } = await fixture();
  assert.match((await make({ name: "" })).name, /^projects\/p\/snapshots\/[a-z][a-z0-9]{2,}$/);
});

test("a snapshot of what is missing, there already or ill-named is refused", async () => {
  const { make } = await fixture();
  await make();
  await assert.rejects(make(), {
    code: "ALREADY_EXISTS",
    message: "Resource already exists in the project (resource=before).",
  });
  await assert.rejects(make({ name: `${NAME}-2`, subscription: "projects/p/subscriptions/other" }), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=other).",
  });
  await assert.rejects(make({ name: "projects/p/topics/before" }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(make({ subscription: "" }), /Invalid resource name given \(name=\)/);
  await assert.rejects(make({ name: `${NAME}-2`, labels: { Upper: "" } }), /Invalid labels/);
});

test("a missing snapshot is named by each call that asks for it", async () => {
  const { get, update, remove, seek } = await fixture();
  const text = { code: "NOT_FOUND", message: "Resource not found (resource=before)." };
  await assert.rejects(get(), text);
  await assert.rejects(update(["labels"]), text);
  await assert.rejects(remove(), text);
  await assert.rejects(seek({ case: "snapshot", value: NAME }), text);
});

test("the emulator profile has words of its own", async () => {
  const { make, get, seek } = await fixture("emulator");
  await assert.rejects(get(), { code: "NOT_FOUND", message: "Snapshot not found" });
  await assert.rejects(make({ subscription: "projects/p/subscriptions/other" }), {
    message: "Subscription does not exist",
  });
  await assert.rejects(seek({ case: "snapshot", value: NAME }), { message: "Snapshot not found" });
  await assert.rejects(seek({ case: "snapshot", value: NAME }, "projects/p/subscriptions/other"), {
    message: "Subscription does not exist",
  });
  await make();
  await assert.rejects(make(), { code: "ALREADY_EXISTS", message: "Snapshot already exists" });
});

test("labels are what changes of a snapshot", async () => {
  const { make, update } = await fixture();
  const { expireTime } = await make({ labels: { a: "1", b: "2" } });
  assert.deepEqual((await update(["labels.a"], { labels: { a: "3" } })).labels, { a: "3", b: "2" });
  assert.deepEqual((await update(["labels"], { labels: { c: "" } })).labels, { c: "" });
  const tolerated = await update(["labels", "expire_time"], { expireTime: { seconds: 4_000_000_000n } });
  assert.deepEqual(tolerated.labels, {});
  assert.deepEqual(tolerated.expireTime, expireTime);
});

test("an update without a mask, of a field unknown or fixed, or to bad labels changes nothing", async () => {
  const { make, update, get } = await fixture();
  const before = await make({ labels: { a: "1" } });
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /^The update_mask in the UpdateSnapshotRequest must be set, and must contain a non-empty paths list\.$/],
    [["labels", "expireTime"], /'expireTime' is not a known Snapshot field/],
    [["labels", "topic"], /the 'topic' field in the Snapshot is not mutable/],
    [["name"], /the 'name' field in the Snapshot is not mutable/],
    [["labels"], /Invalid labels/],
  ];
  for (const [paths, message] of cases) {
    await assert.rejects(update(paths, { labels: { "1": "" } }), { code: "INVALID_ARGUMENT", message });
  }
  assert.deepEqual(await get(), before);
});

test("a deleted snapshot is gone", async () => {
  const { make, get, remove } = await fixture();
  await make();
  await remove();
  await assert.rejects(get(), { code: "NOT_FOUND" });
});

test("snapshots are listed by project and by topic, in pages", async () => {
  const { make, context, engine } = await fixture();
  const names = ["aaa", "bbb", "ccc"].map((id) => `projects/p/snapshots/${id}`);
  for (const name of names.toReversed()) await make({ name });
  const page = (pageToken = "") =>
    listSnapshots(context, create(ListSnapshotsRequestSchema, { project: "projects/p", pageSize: 2, pageToken }));
  assert.deepEqual(
    page().snapshots.map(({ name }) => name),
    names.slice(0, 2),
  );
  const last = page(page().nextPageToken);
  assert.deepEqual(
    last.snapshots.map(({ name }) => name),
    names.slice(2),
  );
  assert.equal(last.nextPageToken, "");
  const ofTopic = (pageToken = "", topic = TOPIC) =>
    listTopicSnapshots(context, create(ListTopicSnapshotsRequestSchema, { topic, pageSize: 2, pageToken }));
  const first = await ofTopic();
  assert.deepEqual(first.snapshots, names.slice(0, 2));
  assert.deepEqual((await ofTopic(first.nextPageToken)).snapshots, names.slice(2));
  await assert.rejects(ofTopic(page().nextPageToken), /^PubSubError: Invalid page token given/);
  await assert.rejects(ofTopic("", "projects/p/topics/other"), { code: "NOT_FOUND" });
  await engine.deleteTopic(TOPIC);
  assert.ok(page().snapshots.every(({ topic }) => topic === "_deleted-topic_"));
});

test("a seek leads to a snapshot or to a time, which is rounded up to a millisecond", async () => {
  const { make, seek, engine } = await fixture();
  await make();
  await seek({ case: "snapshot", value: NAME });
  const times: readonly (readonly [seconds: bigint, nanos: number, timeMs: number])[] = [
    [1_700_000_000n, 0, 1_700_000_000_000],
    [1_700_000_000n, 123_000_000, 1_700_000_000_123],
    [1_700_000_000n, 123_000_001, 1_700_000_000_124],
    [0n, 999_999_999, 1_000],
    [-1n, 500_000_000, -500],
    [253_402_300_799n, 999_999_999, 253_402_300_800_000],
    [-62_135_596_800n, 0, -62_135_596_800_000],
  ];
  for (const [seconds, nanos] of times) await seek({ case: "time", value: { seconds, nanos } });
  assert.deepEqual(
    engine.seeks.map(({ target }) => target),
    [{ kind: "snapshot", name: NAME }, ...times.map(([, , timeMs]) => ({ kind: "time", timeMs }))],
  );
});

test("a seek without a target, or to no time there is, is refused", async () => {
  const { seek, engine } = await fixture();
  await assert.rejects(seek(undefined), {
    code: "INVALID_ARGUMENT",
    message:
      "You have passed an invalid argument to the service (argument=Invalid target: it is not set; set time or snapshot).",
  });
  const times: readonly (readonly [bigint, number])[] = [
    [253_402_300_800n, 0],
    [-62_135_596_801n, 0],
    [0n, -1],
    [0n, 1_000_000_000],
  ];
  for (const [seconds, nanos] of times) {
    await assert.rejects(seek({ case: "time", value: { seconds, nanos } }), /^PubSubError: Invalid timestamp given/);
  }
  await assert.rejects(seek({ case: "snapshot", value: "before" }), /^PubSubError: Invalid resource name given/);
  await assert.rejects(seek({ case: "time", value: {} }, "projects/p/subscriptions/other"), { code: "NOT_FOUND" });
  assert.deepEqual(engine.seeks, []);
});
