/** Do ten thousand topics cost more than one? */
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchContext, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { measureWindow } from "../load/window.js";
import { compact } from "../report.js";
import { median } from "../statistics.js";
import { Subject } from "../subject.js";

const SUBSCRIPTIONS_PER_TOPIC = 2;
const IN_FLIGHT = 64;
const MESSAGE_BYTES = 1024;
const PER_CALL = 10;
const IDLE_MS = 60_000;

async function createAll(endpoint: Endpoint, topics: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < topics) {
      const id = `topic-${next}`;
      next += 1;
      await endpoint.createTopic(id);
      for (let index = 0; index < SUBSCRIPTIONS_PER_TOPIC; index += 1) {
        await endpoint.createSubscription(`${id}-${index}`, id);
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function publishPerSecond(context: BenchContext, subject: Subject, topics: number): Promise<number> {
  const endpoint = new Endpoint(subject.port);
  const requests = Array.from({ length: topics }, (_, index) =>
    publishRequest(`topic-${index}`, PER_CALL, MESSAGE_BYTES),
  );
  const load = new PublishLoad(endpoint, { requests, inFlight: IN_FLIGHT });
  load.start();
  const result = await measureWindow(subject, context, () => load.calls * PER_CALL);
  await load.stop();
  await endpoint.close();
  return result.perSecond;
}

export async function benchTopics(context: BenchContext): Promise<void> {
  const topics = context.isQuick ? 100 : 10_000;
  const subscriptions = topics * SUBSCRIPTIONS_PER_TOPIC;
  const question = `${compact(topics)} topics, ${compact(subscriptions)} subscriptions`;
  await withFolder(async (folder) => {
    const first = await Subject.startPeal(folder);
    const creator = new Endpoint(first.port);
    await createAll(creator, topics);
    await creator.close();
    await first.stop();

    const subject = await Subject.startPeal(folder);
    const { readyMs, anonymousBytes } = await withFolder(async (emptyFolder) => {
      const empty = await Subject.startPeal(emptyFolder);
      await sleep(1_000);
      const memory = empty.memory();
      await empty.stop();
      return { readyMs: empty.readyAfterMs, anonymousBytes: memory.anonymousBytes };
    });
    const perSubscription = (subject.memory().anonymousBytes - anonymousBytes) / subscriptions;
    const startCpu = subject.cpuSeconds();
    const idleMs = context.isQuick ? 1_000 : IDLE_MS;
    await sleep(idleMs);
    const idleCpu = ((subject.cpuSeconds() - startCpu) * 60_000) / idleMs;

    const ratios: number[] = [];
    for (let round = 0; round < context.rounds; round += 1) {
      const one = await publishPerSecond(context, subject, 1);
      const all = await publishPerSecond(context, subject, topics);
      ratios.push(all / one);
    }
    await subject.stop("SIGKILL");

    context.report({
      question,
      figure: "publish over all topics / over one",
      value: median(ratios),
      text: `${(median(ratios) * 100).toFixed(0)} %`,
      target: { kind: "atLeast", value: 0.8 },
    });
    context.report({
      question,
      figure: "RssAnon per idle subscription, bytes",
      value: perSubscription,
      text: `${compact(perSubscription)}B`,
      target: { kind: "atMost", value: 4096 },
      note: "its share of the topics included",
    });
    context.report({
      question,
      figure: "CPU in an idle minute, seconds",
      value: idleCpu,
      text: `${idleCpu.toFixed(2)} s`,
      target: { kind: "atMost", value: 0.3 },
    });
    const laterSeconds = (subject.readyAfterMs - readyMs) / 1000;
    context.report({
      question,
      figure: "ready, seconds later than an empty server",
      value: laterSeconds,
      text: `${laterSeconds.toFixed(2)} s`,
      target: { kind: "atMost", value: 1 },
    });
  });
}
