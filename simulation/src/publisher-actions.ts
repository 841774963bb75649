import type { Message } from "./ledger.js";
import { isExpected, isUnavailable } from "./outcome.js";
import { publishBatch } from "./publish-batch.js";
import type { World } from "./world.js";

const MESSAGE_BYTES_MAX = 300;

/** One request; where it lands is certain only if its topic stayed the same all the while. */
export function publish(world: World): void {
  const slot = world.random.pick(world.topics)!;
  const { present } = slot;
  const calledInLife = slot.isBusy ? undefined : present;
  const messages: Message[] = [];
  for (let count = world.random.integer(1, 6); count > 0; count -= 1) {
    messages.push({
      text: world.nextText(),
      topic: slot.name,
      calledAtMs: world.nowMs,
      calledAtWallMs: world.clock.wallMs,
      life: undefined,
      state: "called",
      storedAtMs: Number.POSITIVE_INFINITY,
    });
  }
  for (const message of messages) world.ledger.publishCalled(message);
  const sized = messages.map(({ text }) => ({ text, sizeBytes: world.random.integer(10, MESSAGE_BYTES_MAX) }));
  const name = messages.map(({ text }) => text).join(" ");
  world.call(
    () => world.life.engine!.publish(slot.name, publishBatch(sized)),
    () => {
      const isCertain = calledInLife !== undefined && slot.present === calledInLife && !slot.isBusy;
      for (const message of messages)
        world.ledger.publishStored(message, isCertain ? calledInLife : undefined, world.nowMs);
      world.note(`stored ${name}`);
    },
    (error) => {
      if (!isExpected(world, error)) throw error;
      const isRefused = !isUnavailable(error);
      for (const message of messages) message.state = isRefused ? "refused" : "doubtful";
      world.note(`not stored ${name}`);
    },
  );
}
