import assert from "node:assert/strict";
import { type Message, PubSub } from "@google-cloud/pubsub";
import type { ClientLanguage } from "../client-language.js";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { type Received, runOfficialProgram } from "../official-programs.js";
import { lastSegment } from "../texts.js";

const COUNT = 10_000;
/** Enough for an installation from a registry, the first time. */
const TIMEOUT_MS = 280_000;

/** Publishes and receives with the official Node client, in this process. */
async function runNodeClient(context: Context, topic: string, subscription: string): Promise<Received> {
  const client = new PubSub({ projectId: context.project, apiEndpoint: context.endpoint, emulatorMode: true });
  context.atEnd(() => client.close());
  const publisher = client.topic(topic, { batching: { maxMessages: 500 } });
  const publishes = Array.from({ length: COUNT }, (_, index) =>
    publisher.publishMessage({ data: Buffer.from(`m${index}`) }),
  );
  const published = new Set(await Promise.all(publishes));

  const received: string[] = [];
  const unique = new Set<string>();
  const listener = client.subscription(subscription, { flowControl: { maxMessages: 2000 } });
  await new Promise<void>((resolve, reject) => {
    listener.on("error", reject);
    listener.on("message", (message: Message) => {
      message.ack();
      received.push(message.id);
      unique.add(message.id);
      if (unique.size >= COUNT) resolve();
    });
  });
  await listener.close();
  assert.deepEqual(unique, published);
  return { deliveries: received.length, messages: unique.size };
}

function clientCase(client: ClientLanguage, name: string): ConformanceCase {
  return {
    id: "STR-024",
    title: `the official ${name} client works off 10 000 messages without duplicates`,
    client,
    timeoutMs: TIMEOUT_MS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 60 });
      const names = {
        project: context.project,
        topicId: lastSegment(topic),
        subscriptionId: lastSegment(subscription),
      };
      const received =
        client === "node"
          ? await runNodeClient(context, topic, subscription)
          : await runOfficialProgram(client, context.endpoint, names, COUNT);
      assert.deepEqual(received, { deliveries: COUNT, messages: COUNT });
      await context.expectNothing(subscription, "all is acked");
    },
  };
}

export const STR_CLIENT_CASES: readonly ConformanceCase[] = [
  clientCase("node", "Node"),
  clientCase("python", "Python"),
  clientCase("go", "Go"),
  clientCase("java", "Java"),
];
