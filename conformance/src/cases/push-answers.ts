import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { type AnswerPush, messageOf, type PushReceiver, textOf } from "../push-receiver.js";
import { createPushPair, PUSH_NEEDS } from "./push.js";

/** A nacked push comes again within this time: pauses begin with a fraction of a second. */
const AGAIN_MS = 1_000;

/** Fails unless nothing is left: no push follows, and a pull finds nothing either. */
async function expectAllAcked(context: Context, subscription: string, receiver: PushReceiver): Promise<void> {
  const count = receiver.pushes.length;
  await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  assert.equal(receiver.pushes.length, count, "no push follows");
  await context.subscriber.modifyPushConfig({ subscription, pushConfig: {} });
  await context.expectNothing(subscription, "every push was an ack");
}

/** What the answer to a push means. */
export const PUSH_ANSWER_CASES: readonly ConformanceCase[] = [
  {
    id: "PUSH-002",
    title: "200, 201, 202 and 204 ack",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const codes = [200, 201, 202, 204];
      const answer: AnswerPush = (push) => Number(textOf(push));
      const { receiver, topic, subscription } = await createPushPair(context, { answer });
      await context.publish(topic, ...codes.map(String));
      await receiver.waitFor(codes.length);
      assert.deepEqual(receiver.texts.sort(), codes.map(String));
      await expectAllAcked(context, subscription, receiver);
    },
  },
  {
    id: "PUSH-002",
    title: "102 acks",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const answer: AnswerPush = () => (response) => {
        response.writeProcessing();
        setTimeout(() => response.destroy(), 100);
      };
      const { receiver, topic, subscription } = await createPushPair(context, { answer });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await expectAllAcked(context, subscription, receiver);
    },
  },
  ...[203, 206, 301, 400, 404, 500].map(
    (code): ConformanceCase => ({
      id: "PUSH-003",
      title: `${code} nacks`,
      needs: PUSH_NEEDS,
      run: async (context) => {
        const { receiver, topic } = await createPushPair(context, { answer: (_, index) => (index === 0 ? code : 200) });
        await context.publish(topic, "m");
        const [first, second] = await receiver.waitFor(2);
        assert.equal(messageOf(second)["messageId"], messageOf(first)["messageId"]);
      },
    }),
  ),
  {
    id: "PUSH-003",
    title: "a connection that breaks off nacks",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const answer: AnswerPush = (_, index) => (index === 0 ? (response) => response.destroy() : 200);
      const { receiver, topic } = await createPushPair(context, { answer });
      await context.publish(topic, "m");
      await receiver.waitFor(2);
    },
  },
  {
    id: "PUSH-012",
    title: "redirects are not followed",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const elsewhere = await context.startReceiver();
      const codes = [301, 302, 303, 307, 308];
      const answer: AnswerPush = (_, index) => {
        const code = codes[index];
        if (code === undefined) return 200;
        return (response) => response.writeHead(code, { location: elsewhere.url() }).end();
      };
      const fields = { ackDeadlineSeconds: 60 };
      const { receiver, topic } = await createPushPair(context, { answer, fields });
      await context.publish(topic, "m");
      await receiver.waitFor(codes.length + 1, 30_000);
      assert.equal(elsewhere.pushes.length, 0);
    },
  },
  {
    id: "SUB-017",
    title: "a failing push subscription that becomes a pull subscription keeps its backlog, and back",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const { receiver, topic, subscription, pushConfig } = await createPushPair(context, { answer: () => 500 });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await context.subscriber.modifyPushConfig({ subscription, pushConfig: {} });
      const [received] = await context.pull(subscription, 1);
      assert.equal(received && dataOf(received), "m");
      await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      const count = receiver.pushes.length;
      receiver.answer = () => 200;
      await context.subscriber.modifyPushConfig({ subscription, pushConfig });
      await receiver.waitFor(count + 1);
      await expectAllAcked(context, subscription, receiver);
    },
  },
];
