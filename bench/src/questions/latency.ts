/** How long from a publish to the bytes at the puller, on an idle server? */
import { performance } from "node:perf_hooks";
import { GrpcClient } from "@peal/grpc";
import { type BenchContext, withFolder } from "../bench-context.js";
import { AckCollector } from "../load/ack-collector.js";
import {
  ACKNOWLEDGE_PATH,
  Endpoint,
  openingRequest,
  PUBLISH_PATH,
  publishRequest,
  STREAMING_PULL_PATH,
  subscriptionName,
} from "../load/endpoint.js";
import { measureRawLimit } from "../raw-limit.js";
import { quantile } from "../statistics.js";
import { Subject } from "../subject.js";

const TOPIC = "latency";
const APPEND_BYTES = 4096;
const QUESTION = "publish to delivery, idle server";

async function endToEnd(folder: string, samples: number, isExactlyOnce = false): Promise<number[]> {
  const subject = await Subject.startPeal(folder);
  const publisher = new Endpoint(subject.port);
  const subscriber = new GrpcClient(`127.0.0.1:${subject.port}`);
  try {
    await publisher.createTopic(TOPIC);
    await publisher.createSubscription(TOPIC, TOPIC, { enableExactlyOnceDelivery: isExactlyOnce });
    let arrived: (atMs: number) => void = () => undefined;
    let acked: Promise<unknown> = Promise.resolve();
    const acks = new AckCollector(subscriptionName(TOPIC), 1, (request) => {
      acked = subscriber.unary(ACKNOWLEDGE_PATH, request);
    });
    const stream = subscriber.bidi(STREAMING_PULL_PATH, {
      onMessage: (message) => {
        if (acks.take(message) > 0) arrived(performance.now());
      },
      onEnd: () => undefined,
    });
    stream.send(openingRequest(TOPIC, 1_000));
    const request = publishRequest(TOPIC, 1, 1024);
    const latencies: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      const arrival = new Promise<number>((resolve) => {
        arrived = resolve;
      });
      const startMs = performance.now();
      const published = publisher.client.unary(PUBLISH_PATH, request);
      latencies.push((await arrival) - startMs);
      // The server is idle again when the ack, too, is durable: the next publish must not wait for its sync.
      await Promise.all([published, acked]);
    }
    stream.cancel();
    return latencies.slice(Math.floor(samples / 10));
  } finally {
    await subscriber.close();
    await publisher.close();
    await subject.stop("SIGKILL");
  }
}

async function emptyCalls(samples: number): Promise<number[]> {
  const subject = await Subject.startEmpty();
  const endpoint = new Endpoint(subject.port);
  try {
    const request = publishRequest(TOPIC, 1, 1024);
    const latencies: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      const startMs = performance.now();
      await endpoint.client.unary(PUBLISH_PATH, request);
      latencies.push(performance.now() - startMs);
    }
    return latencies.slice(Math.floor(samples / 10));
  } finally {
    await endpoint.close();
    await subject.stop();
  }
}

export async function benchLatency(context: BenchContext): Promise<void> {
  const samples = context.isQuick ? 50 : 2_000;
  const rounds = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    const delivery = await withFolder((folder) => endToEnd(folder, samples));
    const raw = await withFolder((folder) => measureRawLimit(folder, APPEND_BYTES, context.windowMs / 3));
    const exactlyOnce = await withFolder((folder) => endToEnd(folder, samples, true));
    rounds.push({ delivery, exactlyOnce, append: raw.latenciesMs, call: await emptyCalls(samples) });
  }
  for (const [name, share, target] of [
    ["p50", 0.5, 1.5],
    ["p99", 0.99, 3],
  ] as const) {
    const ratios = rounds.map(({ delivery, append, call }) => {
      const limit = quantile(append, share) + 2 * quantile(call, share);
      return { ratio: quantile(delivery, share) / limit, deliveryMs: quantile(delivery, share), limit };
    });
    ratios.sort((left, right) => left.ratio - right.ratio);
    const middle = ratios[Math.floor((ratios.length - 1) / 2)]!;
    context.report({
      question: QUESTION,
      figure: `${name} / (4 KiB append + fdatasync + two empty calls)`,
      value: middle.ratio,
      text: `${middle.ratio.toFixed(2)} × (${middle.deliveryMs.toFixed(2)} ms / ${middle.limit.toFixed(2)} ms)`,
      target: { kind: "atMost", value: target },
    });
  }
  const more = rounds.map(({ delivery, exactlyOnce, append }) => {
    const limit = quantile(delivery, 0.5) + quantile(append, 0.5);
    return { ratio: quantile(exactlyOnce, 0.5) / limit, deliveryMs: quantile(exactlyOnce, 0.5), limit };
  });
  more.sort((left, right) => left.ratio - right.ratio);
  const middle = more[Math.floor((more.length - 1) / 2)]!;
  context.report({
    question: QUESTION,
    figure: "exactly-once, p50 / (plain delivery + one more 4 KiB append + fdatasync)",
    value: middle.ratio,
    text: `${middle.ratio.toFixed(2)} × (${middle.deliveryMs.toFixed(2)} ms / ${middle.limit.toFixed(2)} ms)`,
    target: { kind: "atMost", value: 1.2 },
  });
}
