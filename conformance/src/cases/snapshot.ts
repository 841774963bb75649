import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { alreadyExists, emptyMask, immutablePath, notFound, unknownPath } from "../texts.js";
import { serverSeconds } from "./seek.js";

const NEEDS = ["snapshots", "seek"] as const;
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** Pulls and acks all there is; returns the texts, sorted. */
async function takeAll(context: Context, subscription: string): Promise<string[]> {
  const received = await context.pullNow(subscription);
  if (received.length > 0) await context.acknowledge(subscription, received.map(ackIdOf));
  return received.map(dataOf).sort();
}

const seekTo = (context: Context, subscription: string, snapshot: string) =>
  context.subscriber.seek({ subscription, snapshot });

export const SNAPSHOT_CASES: readonly ConformanceCase[] = [
  {
    id: "SNAP-001",
    title: "a seek to a snapshot brings back what was unacked or out, and what came later, and can be repeated",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "out");
      const out = (await context.pull(subscription, 1)).map(ackIdOf);
      await context.publish(topic, "waiting");
      const snapshot = await context.createSnapshot(subscription);
      await context.acknowledge(subscription, out);
      await context.publish(topic, "later");
      assert.deepEqual(await takeAll(context, subscription), ["later", "waiting"]);
      for (let time = 0; time < 2; time += 1) {
        await seekTo(context, subscription, snapshot);
        assert.deepEqual(await takeAll(context, subscription), ["later", "out", "waiting"]);
      }
    },
  },
  {
    id: "SNAP-002",
    title: "what was acked before the snapshot is not replayed",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ retainAckedMessages: true });
      await context.publish(topic, "acked");
      await takeAll(context, subscription);
      await context.publish(topic, "unacked");
      const snapshot = await context.createSnapshot(subscription);
      assert.deepEqual(await takeAll(context, subscription), ["unacked"]);
      await seekTo(context, subscription, snapshot);
      assert.deepEqual(await takeAll(context, subscription), ["unacked"]);
    },
  },
  {
    id: "SNAP-003",
    title: "another subscription of the topic can seek to it, and filters as it does",
    needs: ["snapshots", "seek", "filter"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const other = await context.createSubscription(topic);
      await context.publish(topic, { data: Buffer.from("a"), attributes: { k: "" } }, "b");
      const snapshot = await context.createSnapshot(subscription);
      const fresh = await context.createSubscription(topic, { filter: "attributes:k" });
      await takeAll(context, subscription);
      await takeAll(context, other);
      await seekTo(context, other, snapshot);
      assert.deepEqual(await takeAll(context, other), ["a", "b"]);
      await seekTo(context, fresh, snapshot);
      assert.deepEqual(await takeAll(context, fresh), ["a"]);
      await context.expectNothing(subscription, "its own subscription did not move");
    },
  },
  {
    id: "SNAP-004",
    title: "a subscription of another topic cannot seek to it",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      const { subscription: stranger } = await context.createPair();
      const snapshot = await context.createSnapshot(subscription);
      await context.refuses(seekTo(context, stranger, snapshot), "INVALID_ARGUMENT");
    },
  },
  {
    id: "SNAP-005",
    title: "a snapshot lives for seven days less the age of the oldest unacked message, and an hour at least",
    needs: NEEDS,
    clockSeconds: 7 * DAY_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ expirationPolicy: {} });
      const livesFor = async (): Promise<number> => {
        const [snapshot] = await context.subscriber.createSnapshot({
          name: context.snapshotName(context.newId("snap")),
          subscription,
        });
        assert.equal(snapshot.topic, topic);
        return Number(snapshot.expireTime?.seconds) - (await serverSeconds(context));
      };
      const isAbout = (actual: number, expected: number) =>
        assert.ok(Math.abs(actual - expected) < 30, `${actual} s is about ${expected} s`);
      isAbout(await livesFor(), 7 * DAY_SECONDS);
      await context.publish(topic, "m");
      await context.advance(DAY_SECONDS);
      isAbout(await livesFor(), 6 * DAY_SECONDS);
      await context.advance(5 * DAY_SECONDS + 22 * HOUR_SECONDS);
      isAbout(await livesFor(), 2 * HOUR_SECONDS);
      await context.advance(1.5 * HOUR_SECONDS);
      await context.refuses(livesFor(), "FAILED_PRECONDITION");
    },
  },
  {
    id: "SNAP-006",
    title: "a snapshot is made once, and a missing one is NOT_FOUND",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      const snapshot = await context.createSnapshot(subscription, "snap");
      await context.refuses(context.createSnapshot(subscription, "snap"), "ALREADY_EXISTS", alreadyExists(snapshot));
      const nowhere = context.subscriptionName("nowhere");
      await context.refuses(context.createSnapshot(nowhere), "NOT_FOUND", notFound(nowhere));
      await context.subscriber.deleteSnapshot({ snapshot });
      await context.refuses(context.subscriber.getSnapshot({ snapshot }), "NOT_FOUND", notFound(snapshot));
      await context.refuses(context.subscriber.deleteSnapshot({ snapshot }), "NOT_FOUND", notFound(snapshot));
      await context.refuses(seekTo(context, subscription, snapshot), "NOT_FOUND", notFound(snapshot));
    },
  },
  {
    id: "SNAP-007",
    title: "a snapshot outlives its subscription, and its topic lists it",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      const snapshot = await context.createSnapshot(subscription);
      const heir = await context.createSubscription(topic);
      await context.subscriber.deleteSubscription({ subscription });
      const [ofTopic] = await context.publisher.listTopicSnapshots({ topic });
      assert.deepEqual(ofTopic, [snapshot]);
      const [ofProject] = await context.subscriber.listSnapshots({ project: `projects/${context.project}` });
      assert.deepEqual(
        ofProject.map(({ name }) => name),
        [snapshot],
      );
      await seekTo(context, heir, snapshot);
      assert.deepEqual(await takeAll(context, heir), ["m"]);
    },
  },
  {
    id: "SNAP-008",
    title: "a snapshot keeps its messages until it expires, and then is gone",
    needs: NEEDS,
    clockSeconds: 8 * DAY_SECONDS,
    run: async (context) => {
      const keeping = { messageRetentionDuration: { seconds: 600 }, expirationPolicy: {} };
      const { topic, subscription } = await context.createPair(keeping);
      await context.publish(topic, "m");
      const snapshot = await context.createSnapshot(subscription);
      await context.advance(6 * DAY_SECONDS);
      await context.expectNothing(subscription, "the subscription retains for ten minutes");
      await seekTo(context, subscription, snapshot);
      assert.deepEqual(await takeAll(context, subscription), ["m"]);
      await context.advance(2 * DAY_SECONDS);
      await context.refuses(context.subscriber.getSnapshot({ snapshot }), "NOT_FOUND", notFound(snapshot));
      await context.refuses(seekTo(context, subscription, snapshot), "NOT_FOUND", notFound(snapshot));
      const [ofProject] = await context.subscriber.listSnapshots({ project: `projects/${context.project}` });
      assert.deepEqual(ofProject, []);
    },
  },
  {
    id: "SNAP-009",
    title: "an update changes labels, never the expiry; unknown and immutable paths are refused",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      const name = await context.createSnapshot(subscription);
      const [made] = await context.subscriber.getSnapshot({ snapshot: name });
      const update = (paths: string[], fields = {}) =>
        context.subscriber.updateSnapshot({ snapshot: { name, ...fields }, updateMask: { paths } });
      const [labelled] = await update(["labels"], { labels: { k: "v" } });
      assert.deepEqual(labelled, { ...made, labels: { k: "v" } });
      const later = { expireTime: { seconds: Number(made.expireTime?.seconds) + DAY_SECONDS } };
      const [kept] = await update(["expire_time"], later);
      assert.deepEqual(kept, labelled);
      const request = "UpdateSnapshotRequest";
      await context.refuses(update([]), "INVALID_ARGUMENT", emptyMask(request));
      await context.refuses(update(["nope"]), "INVALID_ARGUMENT", unknownPath(request, "nope", "Snapshot"));
      await context.refuses(update(["topic"]), "INVALID_ARGUMENT", immutablePath(request, "topic", "Snapshot"));
      await context.refuses(update(["name"]), "INVALID_ARGUMENT", immutablePath(request, "name", "Snapshot"));
    },
  },
  {
    id: "SNAP-001",
    title: "a snapshot holds after a kill that follows its answer, and without one it is whole or not there",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "a", "b");
      const snapshot = await context.createSnapshot(subscription);
      await takeAll(context, subscription);
      await server.killAndRestart();
      await seekTo(context, subscription, snapshot);
      assert.deepEqual(await takeAll(context, subscription), ["a", "b"]);
      await server.killAndRestart();
      await context.expectNothing(subscription, "acked after the seek");
      await context.publish(topic, "c");
      const half = context.snapshotName("half");
      const unanswered = context.createSnapshot(subscription, "half").catch(() => undefined);
      await server.kill();
      await unanswered;
      await server.start();
      await takeAll(context, subscription);
      const found = await context.subscriber.getSnapshot({ snapshot: half }).then(
        () => true,
        () => false,
      );
      if (found) {
        await seekTo(context, subscription, half);
        assert.deepEqual(await takeAll(context, subscription), ["c"]);
      } else {
        await context.refuses(seekTo(context, subscription, half), "NOT_FOUND");
      }
    },
  },
];
