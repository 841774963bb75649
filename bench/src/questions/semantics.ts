/** What does each delivery semantic cost beside plain delivery of the same messages? */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SubscriptionSchema } from "@peal/wire";
import { type BenchContext, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest, topicName } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { PullLoad } from "../load/pull-load.js";
import { measureWindow, type WindowResult } from "../load/window.js";
import { compact } from "../report.js";
import { median, spreadPercent } from "../statistics.js";
import { Subject } from "../subject.js";

const MESSAGE_BYTES = 1024;
const TOPIC = "semantics";
const DEAD_LETTERS = "dead-letters";
const KEYS = 1_000;
const PER_CALL = 10;
const BACKLOG = 3_000_000;
const QUICK_BACKLOG = 60_000;
const OUTSTANDING_MAX = 10_000;

interface Mode {
  readonly id: string;
  readonly name: string;
  readonly settings: MessageInitShape<typeof SubscriptionSchema>;
  readonly targetRatio?: number;
}

const PLAIN: Mode = { id: "plain", name: "plain", settings: {} };
const MODES: readonly Mode[] = [
  PLAIN,
  { id: "ordered", name: "ordered, 1 000 keys", settings: { enableMessageOrdering: true }, targetRatio: 1.5 },
  { id: "exactly-once", name: "exactly-once", settings: { enableExactlyOnceDelivery: true }, targetRatio: 2 },
  {
    id: "dead-letter",
    name: "dead-letter policy, nothing dies",
    settings: { deadLetterPolicy: { deadLetterTopic: topicName(DEAD_LETTERS), maxDeliveryAttempts: 5 } },
    targetRatio: 1.2,
  },
  { id: "retry", name: "retry policy, nothing fails", settings: { retryPolicy: {} } },
  { id: "filtered", name: "filter that matches all", settings: { filter: 'attributes.kind = "order"' } },
];

/** The same backlog for every mode: ten messages of a key in each request, a thousand keys in turn. */
async function fill(endpoint: Endpoint, count: number): Promise<void> {
  await endpoint.createTopic(TOPIC);
  await endpoint.createTopic(DEAD_LETTERS);
  for (const { id, settings } of MODES) await endpoint.createSubscription(id, TOPIC, settings);
  const requests = Array.from({ length: KEYS }, (_, key) =>
    publishRequest(TOPIC, PER_CALL, MESSAGE_BYTES, { orderingKey: `key-${key}`, attributes: { kind: "order" } }),
  );
  const load = new PublishLoad(endpoint, { requests, inFlight: 64 });
  load.start(count / PER_CALL);
  await load.finished();
}

async function measureMode(
  context: BenchContext,
  subject: Subject,
  endpoint: Endpoint,
  mode: Mode,
  backlog: number,
): Promise<WindowResult> {
  const pull = new PullLoad(endpoint, { subscriptionId: mode.id, outstandingMax: OUTSTANDING_MAX, idsPerAck: 1_000 });
  const result = await measureWindow(subject, context, () => pull.acked, backlog - OUTSTANDING_MAX);
  pull.check();
  await pull.stop();
  return result;
}

export async function benchSemantics(context: BenchContext): Promise<void> {
  const backlog = context.isQuick ? QUICK_BACKLOG : BACKLOG;
  const results = new Map<Mode, WindowResult[]>(MODES.map((mode) => [mode, []]));
  for (let round = 0; round < context.rounds; round += 1) {
    await withFolder(async (folder) => {
      const subject = await Subject.startPeal(folder);
      const endpoint = new Endpoint(subject.port);
      try {
        await fill(endpoint, backlog);
        // Another mode begins each round: whoever comes first runs on colder code.
        for (let turn = 0; turn < MODES.length; turn += 1) {
          const mode = MODES[(turn + round) % MODES.length]!;
          const result = await measureMode(context, subject, endpoint, mode, backlog);
          results.get(mode)!.push(result);
          context.log(
            `${mode.name}, round ${round + 1}: ${compact(result.perSecond)}/s at ${result.cpuMicrosEach.toFixed(2)} µs`,
          );
        }
      } finally {
        await endpoint.close();
        await subject.stop("SIGKILL");
      }
    });
  }
  const cpu = (mode: Mode): number => median(results.get(mode)!.map((result) => result.cpuMicrosEach));
  for (const mode of MODES.slice(1)) {
    const speeds = results.get(mode)!.map((result) => result.perSecond);
    context.report({
      question: `streaming pull + ack, 1 KiB: ${mode.name}`,
      figure: "CPU per message / plain delivery of the same messages",
      value: cpu(mode) / cpu(PLAIN),
      text: `${(cpu(mode) / cpu(PLAIN)).toFixed(2)} × (${cpu(mode).toFixed(2)} µs / ${cpu(PLAIN).toFixed(2)} µs)`,
      ...(mode.targetRatio === undefined ? {} : { target: { kind: "atMost", value: mode.targetRatio } }),
      note: `${compact(median(speeds))}/s ±${spreadPercent(speeds).toFixed(0)} %`,
    });
  }
}

const FILTERED = 50;

/** Publishes with a number of filtered subscriptions of which none matches. */
async function publishBeside(context: BenchContext, subscriptions: number): Promise<WindowResult> {
  return withFolder(async (folder) => {
    const subject = await Subject.startPeal(folder);
    const endpoint = new Endpoint(subject.port);
    try {
      await endpoint.createTopic(TOPIC);
      for (let index = 0; index < subscriptions; index += 1) {
        await endpoint.createSubscription(`filtered-${index}`, TOPIC, {
          filter: `attributes.kind = "kind-${index}" AND hasPrefix(attributes.place, "p${index}")`,
        });
      }
      const attributes = { kind: "order", place: "somewhere", trace: "0123456789abcdef" };
      const request = publishRequest(TOPIC, 100, MESSAGE_BYTES, { attributes });
      const load = new PublishLoad(endpoint, { requests: [request], inFlight: 16 });
      load.start();
      const result = await measureWindow(subject, context, () => load.calls * 100);
      await load.stop();
      return result;
    } finally {
      await endpoint.close();
      await subject.stop("SIGKILL");
    }
  });
}

export async function benchFilters(context: BenchContext): Promise<void> {
  const ratios: number[] = [];
  const each: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    const none = await publishBeside(context, 0);
    const filtered = await publishBeside(context, FILTERED);
    ratios.push(filtered.cpuMicrosEach / none.cpuMicrosEach);
    each.push(filtered.cpuMicrosEach);
  }
  context.report({
    question: `publish, 1 KiB, 16 × 100, ${FILTERED} filtered subscriptions, none matches`,
    figure: "CPU per message / without them",
    value: median(ratios),
    text: `${median(ratios).toFixed(2)} × (${median(each).toFixed(2)} µs)`,
    target: { kind: "atMost", value: 2 },
    note: `±${spreadPercent(ratios).toFixed(0)} %`,
  });
}
