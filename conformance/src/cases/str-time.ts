import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expectAnswer } from "../answer.js";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { Skipped } from "../skipped.js";

const HOUR_SECONDS = 3600;
const MEGABYTE = 1_000_000;

/** Returns the resident memory of a process, in bytes; only Linux tells. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** The cases of STR in which time passes or a server stops. */
export const STR_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "STR-005",
    title: "the stream's deadline governs its leases, and a change governs later ones",
    clockSeconds: 26,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 600 });
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 10 });
      await context.publish(topic, "short");
      await stream.waitForMessages(1);
      await context.advance(11);
      const [, again] = await stream.waitForMessages(2);
      stream.write({ ackIds: [ackIdOf(again)], streamAckDeadlineSeconds: 60 });
      await sleep(300);
      await context.publish(topic, "long");
      await stream.waitForMessages(3);
      await context.advance(15);
      await sleep(300);
      assert.deepEqual(stream.messages.map(dataOf), ["short", "short", "long"]);
    },
  },
  {
    id: "STR-008",
    title: "an expired lease frees its place in the window",
    clockSeconds: 11,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      const stream = context.openStream(subscription, { maxOutstandingMessages: 1 });
      await stream.waitForMessages(1);
      await context.advance(11);
      await stream.waitForMessages(2);
    },
  },
  {
    id: "STR-019",
    title: "an ack on the stream holds",
    clockSeconds: 11,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const stream = context.openStream(subscription);
      await context.publish(topic, "m");
      stream.write({ ackIds: [ackIdOf((await stream.waitForMessages(1))[0])] });
      // The stream ends when it has seen the ack; the clock must not be faster.
      stream.halfClose();
      await stream.waitForEnd(15_000);
      await context.advance(11);
      await context.expectNothing(subscription, "the message is acked");
    },
  },
  {
    id: "STR-019",
    title: "an ack on the stream holds after a restart",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair();
      const stream = context.openStream(subscription);
      await context.publish(topic, "m");
      const ackId = ackIdOf((await stream.waitForMessages(1))[0]);
      stream.write({ ackIds: [ackId] });
      stream.halfClose();
      await stream.waitForEnd(15_000);
      await server.restart();
      await context.modifyAckDeadline(subscription, [ackId], 0);
      await context.expectNothing(subscription, "the message is acked");
    },
  },
  {
    id: "STR-016",
    title: "a reader that reads nothing costs the server bounded memory",
    ownsServer: true,
    run: async (context) => {
      if (process.platform !== "linux") throw new Skipped("reads the server's memory from /proc, which only Linux has");
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 600 });
      const data = Buffer.alloc(MEGABYTE, "x");
      for (let count = 0; count < 150; count += 1) await context.publish(topic, { data });
      const before = residentBytes(server.pid);
      const streams = Array.from({ length: 4 }, () => {
        const stream = context.openConnection().streamingPull({ subscription, streamAckDeadlineSeconds: 600 });
        stream.pause();
        return stream;
      });
      await sleep(3_000);
      const grownBytes = residentBytes(server.pid) - before;
      assert.ok(streams.every((stream) => stream.isOpen));
      assert.ok(grownBytes < 80 * MEGABYTE, `four slow readers of 150 MB cost ${Math.round(grownBytes / MEGABYTE)} MB`);
    },
  },
  {
    id: "STR-020",
    title: "a server that stops ends its streams with UNAVAILABLE",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { subscription } = await context.createPair();
      const stream = context.openStream(subscription);
      await stream.opened();
      const exitCode = server.stop();
      expectAnswer(await stream.waitForEnd(), "UNAVAILABLE", undefined);
      assert.equal(await exitCode, 0);
    },
  },
  {
    id: "STR-021",
    title: "an idle stream stays open for an hour",
    clockSeconds: HOUR_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const stream = context.openStream(subscription);
      await stream.opened();
      await context.advance(HOUR_SECONDS);
      await context.publish(topic, "still there");
      assert.deepEqual((await stream.waitForMessages(1)).map(dataOf), ["still there"]);
    },
  },
];
