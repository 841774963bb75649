/** Publishes and receives through a real server with the official client, unmodified. Run by `npm run demo`. */
import { type Message, PubSub } from "@google-cloud/pubsub";
import { startPeal } from "./peal-process.js";

const GREETINGS = ["hello", "bonjour", "こんにちは"];

const peal = await startPeal();
console.log(`peal listens on ${peal.endpoint}`);

// The variable is how every official client is told of a server that is not Google's; no code changes.
process.env["PUBSUB_EMULATOR_HOST"] = peal.endpoint;
// Else the client looks for a metadata server that only Google's machines have, and prints a warning.
process.env["METADATA_SERVER_DETECTION"] = "none";
const pubsub = new PubSub({ projectId: "demo" });
try {
  const [topic] = await pubsub.createTopic("greetings");
  const [subscription] = await topic.createSubscription("reader");
  console.log(`created  ${topic.name}`);
  console.log(`created  ${subscription.name}`);

  for (const text of GREETINGS) {
    const id = await topic.publishMessage({ data: Buffer.from(text), attributes: { letters: String(text.length) } });
    console.log(`published ${id}  ${text}`);
  }

  await new Promise<void>((resolve, reject) => {
    const awaited = new Set(GREETINGS);
    subscription.on("error", reject);
    subscription.on("message", (message: Message) => {
      console.log(`received  ${message.id}  ${message.data}  (letters: ${message.attributes["letters"]})`);
      message.ack();
      awaited.delete(message.data.toString());
      if (awaited.size === 0) resolve();
    });
  });
  await subscription.close();
  console.log("all came back, each acknowledged");
} finally {
  await pubsub.close();
  console.log(`peal stopped with exit code ${await peal.stop()}`);
}
