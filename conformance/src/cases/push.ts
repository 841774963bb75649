import assert from "node:assert/strict";
import type { protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { type AnswerPush, messageOf, textOf, wrappedOf } from "../push-receiver.js";

type Subscription = protos.google.pubsub.v1.ISubscription;
type PushConfig = protos.google.pubsub.v1.IPushConfig;

export const PUSH_NEEDS = ["push"] as const;
/** A nacked push comes again within this time: pauses begin with a fraction of a second. */
const AGAIN_MS = 1_000;

interface PushParts {
  readonly answer?: AnswerPush;
  readonly path?: string;
  readonly config?: PushConfig;
  readonly fields?: Subscription;
}

/** A receiver, and a subscription that pushes there. */
export async function createPushPair(context: Context, parts: PushParts = {}) {
  const receiver = await context.startReceiver(parts.answer);
  const pushConfig = { pushEndpoint: receiver.url(parts.path), ...parts.config };
  return { receiver, pushConfig, ...(await context.createPair({ ...parts.fields, pushConfig })) };
}

export const PUSH_CASES: readonly ConformanceCase[] = [
  {
    id: "PUSH-001",
    title: "a push is a POST of JSON with every field, both spellings where there are two",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic, subscription } = await createPushPair(context, { path: "/a/b?token=x%20y&z" });
      const watcher = await context.createSubscription(topic);
      const attributes = { k: "v", ключ: "значение" };
      const data = Buffer.from([0, 255, 254, 65]);
      const [messageId] = await context.publish(topic, { data, attributes, orderingKey: "key" });
      const [push] = await receiver.waitFor(1);
      const [{ message } = {}] = await context.pull(watcher, 1);
      const { seconds, nanos } = message?.publishTime ?? {};
      const millis = Number(seconds) * 1000 + Math.floor((nanos ?? 0) / 1e6);
      const { publishTime, publish_time, ...rest } = messageOf(push);
      assert.equal(push?.method, "POST");
      assert.equal(push.path, "/a/b?token=x%20y&z");
      assert.match(push.headers["content-type"] ?? "", /^application\/json\b/);
      assert.deepEqual(rest, {
        attributes,
        data: data.toString("base64"),
        messageId,
        message_id: messageId,
        orderingKey: "key",
      });
      assert.equal(publish_time, publishTime);
      assert.match(String(publishTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/);
      assert.equal(new Date(String(publishTime)).getTime(), millis);
      assert.deepEqual(Object.keys(wrappedOf(push)).sort(), ["message", "subscription"]);
      assert.equal(wrappedOf(push)["subscription"], subscription);
    },
  },
  {
    id: "PUSH-005",
    title: "an unwrapped push is the data, and its metadata and attributes are headers",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const config = { noWrapper: { writeMetadata: true } };
      const { receiver, topic, subscription } = await createPushPair(context, { config });
      const data = Buffer.from([0, 1, 254, 255]);
      const [messageId] = await context.publish(topic, { data, attributes: { k: "v w" }, orderingKey: "key" });
      const [push] = await receiver.waitFor(1);
      assert.deepEqual(push?.body, data);
      const headers = push?.headers ?? {};
      assert.equal(headers["x-goog-pubsub-subscription-name"], subscription);
      assert.equal(headers["x-goog-pubsub-message-id"], messageId);
      assert.equal(headers["x-goog-pubsub-ordering-key"], "key");
      assert.match(String(headers["x-goog-pubsub-publish-time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
      assert.equal(headers["k"], "v w");
      await context.publish(topic, { attributes: { only: "attributes" } });
      const [, empty] = await receiver.waitFor(2);
      assert.equal(empty?.body.length, 0);
      assert.equal(empty?.headers["x-goog-pubsub-ordering-key"], undefined);
    },
  },
  {
    id: "PUSH-006",
    title: "without write_metadata an unwrapped push tells nothing of its message but the data",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic } = await createPushPair(context, { config: { noWrapper: {} } });
      await context.publish(topic, { data: Buffer.from("m"), attributes: { "some-key": "v" }, orderingKey: "key" });
      const [push] = await receiver.waitFor(1);
      assert.equal(push?.body.toString(), "m");
      const telling = Object.keys(push?.headers ?? {}).filter((name) => /^x-goog-pubsub-|^some-key$/.test(name));
      assert.deepEqual(telling, []);
    },
  },
  {
    id: "PUSH-008",
    title: "a push tells its attempt with a dead-letter policy only",
    needs: ["push", "dead letter"],
    run: async (context) => {
      const answer: AnswerPush = (_, index) => (index === 0 ? 500 : 200);
      const plain = await createPushPair(context, { answer });
      const deadLetterTopic = await context.createTopic();
      const dying = await createPushPair(context, { answer, fields: { deadLetterPolicy: { deadLetterTopic } } });
      await Promise.all([context.publish(plain.topic, "m"), context.publish(dying.topic, "m")]);
      await Promise.all([plain.receiver.waitFor(2), dying.receiver.waitFor(2)]);
      assert.deepEqual(
        dying.receiver.pushes.map((push) => wrappedOf(push)["deliveryAttempt"]),
        [1, 2],
      );
      assert.ok(plain.receiver.pushes.every((push) => !("deliveryAttempt" in wrappedOf(push))));
    },
  },
  {
    id: "PUSH-011",
    title: "a new endpoint is used for the next deliveries",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic, subscription } = await createPushPair(context);
      await context.publish(topic, "first");
      await receiver.waitFor(1);
      const next = await context.startReceiver();
      await context.subscriber.modifyPushConfig({ subscription, pushConfig: { pushEndpoint: next.url() } });
      await context.publish(topic, "second");
      await next.waitFor(1);
      assert.deepEqual([receiver.texts, next.texts], [["first"], ["second"]]);
    },
  },
  {
    id: "PUSH-013",
    title: "what is empty is left out",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic } = await createPushPair(context);
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await context.publish(topic, { attributes: { k: "v" } });
      const [plain, attributed] = await receiver.waitFor(2);
      const names = ["data", "messageId", "message_id", "publishTime", "publish_time"];
      assert.deepEqual(Object.keys(messageOf(plain)).sort(), names);
      assert.equal(messageOf(attributed)["data"] ?? "", "");
    },
  },
  {
    id: "ORD-008",
    title: "a push has one message of a key out, and its failure comes again before the next",
    needs: ["push", "ordering"],
    run: async (context) => {
      const out = new Map<unknown, number>();
      const seen: string[] = [];
      let outMax = 0;
      const answer: AnswerPush = (push, index) => (response) => {
        const key = messageOf(push)["orderingKey"];
        const count = (out.get(key) ?? 0) + 1;
        out.set(key, count);
        outMax = Math.max(outMax, count);
        seen.push(`${key}${textOf(push)}`);
        setTimeout(() => {
          out.set(key, (out.get(key) ?? 0) - 1);
          // The third push of all fails.
          response.writeHead(index === 2 ? 500 : 200).end();
        }, 20);
      };
      const { receiver, topic } = await createPushPair(context, { answer, fields: { enableMessageOrdering: true } });
      const texts = ["1", "2", "3", "4", "5"];
      for (const orderingKey of ["a", "b"]) {
        await context.publish(topic, ...texts.map((text) => ({ data: Buffer.from(text), orderingKey })));
      }
      await receiver.waitFor(11);
      assert.equal(outMax, 1);
      for (const key of ["a", "b"]) {
        const came = seen.filter((one) => one.startsWith(key));
        assert.deepEqual(
          [...new Set(came)],
          texts.map((text) => `${key}${text}`),
        );
        // Only the failed one came twice, and the second time right after the first.
        assert.deepEqual(came, [...came].sort());
      }
    },
  },
  {
    id: "DET-003",
    title: "a detached subscription is not pushed any more",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic, subscription } = await createPushPair(context, { answer: () => 500 });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await context.publisher.detachSubscription({ subscription });
      // A push that had left by then may still come.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const count = receiver.pushes.length;
      await context.publish(topic, "later");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      assert.equal(receiver.pushes.length, count);
    },
  },
];
