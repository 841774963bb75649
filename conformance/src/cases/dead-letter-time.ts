import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { wrappedOf } from "../push-receiver.js";
import { lastSegment } from "../texts.js";
import { ATTEMPTS, createDeadLetterPair, failAttempts } from "./dead-letter.js";

const NEEDS = ["dead letter"] as const;

/** Dead letters where time passes, pushes fail, topics are missing, or the server goes down. */
export const DEAD_LETTER_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "DLQ-004",
    title: "the source delivers a forwarded message no more",
    needs: NEEDS,
    clockSeconds: 700,
    run: async (context) => {
      const { topic, subscription, dead } = await createDeadLetterPair(context);
      await context.publish(topic, "m");
      await failAttempts(context, subscription, ATTEMPTS);
      assert.equal((await context.pull(dead, 1)).length, 1);
      await context.expectNothing(subscription, "it was forwarded");
      await context.advance(700);
      await context.expectNothing(subscription, "it was forwarded");
    },
  },
  {
    id: "DLQ-005",
    title: "while its dead-letter topic is missing a message is delivered on; it is forwarded when the topic is back",
    needs: NEEDS,
    clockSeconds: 120,
    run: async (context) => {
      const { topic, subscription, deadLetterTopic } = await createDeadLetterPair(context);
      await context.publisher.deleteTopic({ topic: deadLetterTopic });
      await context.publish(topic, "m");
      await failAttempts(context, subscription, ATTEMPTS + 3);
      await context.createTopic({ name: deadLetterTopic });
      const dead = await context.createSubscription(deadLetterTopic);
      // Forwarding is tried again after the next failure, or by itself within two minutes.
      for (let round = 0; round < 12; round += 1) {
        const received = await context.pullNow(subscription);
        if (received.length > 0) await context.modifyAckDeadline(subscription, received.map(ackIdOf), 0);
        await context.advance(10);
      }
      const [forwarded] = await context.pull(dead, 1);
      assert.equal(forwarded && dataOf(forwarded), "m");
      const count = Number(forwarded?.message?.attributes?.["CloudPubSubDeadLetterSourceDeliveryCount"]);
      assert.ok(count >= ATTEMPTS + 3, `the count is ${count}`);
      await context.expectNothing(subscription, "the source has it no more");
    },
  },
  {
    id: "DLQ-006",
    title: "an expired lease is a failed attempt",
    needs: NEEDS,
    clockSeconds: 55,
    run: async (context) => {
      const { topic, subscription, dead } = await createDeadLetterPair(context, { ackDeadlineSeconds: 10 });
      await context.publish(topic, "m");
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const [received] = await context.pull(subscription, 1);
        assert.equal(received?.deliveryAttempt, attempt);
        await context.advance(11);
      }
      assert.deepEqual((await context.pull(dead, 1)).map(dataOf), ["m"]);
      await context.expectNothing(subscription, "it was forwarded");
    },
  },
  {
    id: "DLQ-007",
    title: "a failed push is a failed attempt",
    needs: ["dead letter", "push"],
    clockSeconds: 60,
    run: async (context) => {
      const receiver = await context.startReceiver(() => 500);
      // A request may take ten minutes, so that moving the clock ends pauses and no request.
      const pushed = { pushConfig: { pushEndpoint: receiver.url() }, ackDeadlineSeconds: 600 };
      const { topic, dead } = await createDeadLetterPair(context, pushed);
      await context.publish(topic, "m");
      await receiver.waitFor(ATTEMPTS, 20_000, () => context.advance(context.hasMovableClock ? 10 : 0));
      assert.deepEqual((await context.pull(dead, 1)).map(dataOf), ["m"]);
      assert.deepEqual(
        receiver.pushes.map((push) => wrappedOf(push)["deliveryAttempt"]),
        Array.from({ length: ATTEMPTS }, (_, index) => index + 1),
      );
    },
  },
  {
    id: "DLQ-011",
    title: "a kill while messages die loses none and forwards none twice",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription, dead } = await createDeadLetterPair(context, { ackDeadlineSeconds: 60 });
      const texts = Array.from({ length: 300 }, (_, index) => `m${index}`);
      await context.publish(topic, ...texts);
      for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
        const received = await context.pull(subscription, texts.length);
        await context.modifyAckDeadline(subscription, received.map(ackIdOf), 0);
      }
      const last = (await context.pull(subscription, texts.length)).map(ackIdOf);
      // The last nacks go out in pieces, and the server dies among them: between nack and forwarding, or in it.
      const nacks = Array.from({ length: 10 }, (_, index) => last.slice(index * 30, (index + 1) * 30));
      const dying = nacks.map((ackIds) => context.modifyAckDeadline(subscription, ackIds, 0).catch(() => undefined));
      await dying[3];
      await server.killAndRestart();
      await Promise.all(dying);
      // What was not yet nacked is out no more after the kill, and dies by one or two failures more.
      const forwarded: string[] = [];
      const lastAtMs = Date.now() + 30_000;
      while (forwarded.length < texts.length && Date.now() < lastAtMs) {
        const alive = await context.pullNow(subscription, 300);
        if (alive.length > 0) await context.modifyAckDeadline(subscription, alive.map(ackIdOf), 0);
        const died = await context.pullNow(dead, 300);
        forwarded.push(...died.map(dataOf));
        if (died.length > 0) await context.acknowledge(dead, died.map(ackIdOf));
      }
      await context.expectNothing(subscription, "all have died");
      await context.expectNothing(dead, "none has died twice");
      assert.deepEqual(forwarded.sort(), texts.sort());
    },
  },
  {
    id: "DLQ-012",
    title: "attempts survive a clean stop and a kill, and so does the policy",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription, dead } = await createDeadLetterPair(context);
      await context.publish(topic, "m");
      await failAttempts(context, subscription, 2);
      await server.restart();
      await failAttempts(context, subscription, 2, 3);
      // The answer to the fourth nack has come: its failure is counted.
      await server.killAndRestart();
      const [fifth] = await context.pull(subscription, 1);
      assert.equal(fifth?.deliveryAttempt, ATTEMPTS);
      // A kill is no failure of what was out.
      await server.killAndRestart();
      await failAttempts(context, subscription, 1, ATTEMPTS);
      const [forwarded] = await context.pull(dead, 1);
      assert.equal(
        forwarded?.message?.attributes?.["CloudPubSubDeadLetterSourceSubscription"],
        lastSegment(subscription),
      );
    },
  },
];
