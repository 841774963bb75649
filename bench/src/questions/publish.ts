/** How fast is a durable publish, in batches and one by one? */
import type { BenchContext } from "../bench-context.js";
import { withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { measureWindow, type WindowResult } from "../load/window.js";
import { measureRawLimit } from "../raw-limit.js";
import { compact } from "../report.js";
import { median, spreadPercent } from "../statistics.js";
import { Subject } from "../subject.js";

const MESSAGE_BYTES = 1024;
const TOPIC = "publish";

interface Shape {
  readonly name: string;
  readonly messagesPerCall: number;
  readonly inFlight: number;
}

export const BATCHES: Shape = { name: "publish, 1 KiB, 16 × 100", messagesPerCall: 100, inFlight: 16 };
const SINGLES: Shape = { name: "publish, 1 KiB, 64 × 1", messagesPerCall: 1, inFlight: 64 };

type Start = (folder: string) => Promise<Subject | undefined>;

/** One round against whatever `start` starts. */
export async function measurePublish(
  context: BenchContext,
  shape: Shape,
  start: Start,
): Promise<WindowResult | undefined> {
  return withFolder(async (folder) => {
    const subject = await start(folder);
    if (subject === undefined) return undefined;
    const endpoint = new Endpoint(subject.port);
    try {
      if (subject.name !== "empty handler") {
        await endpoint.createTopic(TOPIC);
        await endpoint.createSubscription("publish", TOPIC);
      }
      const request = publishRequest(TOPIC, shape.messagesPerCall, MESSAGE_BYTES);
      const load = new PublishLoad(endpoint, { requests: [request], inFlight: shape.inFlight });
      load.start();
      const result = await measureWindow(subject, context, () => load.calls * shape.messagesPerCall);
      await load.stop();
      return result;
    } finally {
      await endpoint.close();
      await subject.stop("SIGKILL");
    }
  });
}

interface Results {
  readonly peal: WindowResult[];
  readonly empty: WindowResult[];
  readonly emulator: WindowResult[];
  readonly rawPerSecond: number[];
}

async function measureAll(context: BenchContext, shape: Shape): Promise<Results> {
  const results: Results = { peal: [], empty: [], emulator: [], rawPerSecond: [] };
  for (let round = 1; round <= context.rounds; round += 1) {
    const peal = await measurePublish(context, shape, (folder) => Subject.startPeal(folder));
    const empty = await measurePublish(context, shape, () => Subject.startEmpty());
    const emulator = await measurePublish(context, shape, () => Subject.startEmulator());
    if (peal !== undefined) results.peal.push(peal);
    if (empty !== undefined) results.empty.push(empty);
    if (emulator !== undefined) results.emulator.push(emulator);
    const groupBytes = Math.min(2 ** 20, shape.inFlight * shape.messagesPerCall * MESSAGE_BYTES);
    const raw = await withFolder((folder) => measureRawLimit(folder, groupBytes, context.windowMs / 3));
    results.rawPerSecond.push(raw.bytesPerSecond / MESSAGE_BYTES);
    context.log(
      `${shape.name}, round ${round}: peal ${compact(peal?.perSecond ?? 0)}/s at ${peal?.cpuMicrosEach.toFixed(2)} µs, ` +
        `empty ${compact(empty?.perSecond ?? 0)}/s at ${empty?.cpuMicrosEach.toFixed(2)} µs, emulator ` +
        `${compact(emulator?.perSecond ?? 0)}/s at ${emulator?.cpuMicrosEach.toFixed(2)} µs, raw ${compact(raw.bytesPerSecond / MESSAGE_BYTES)}/s`,
    );
  }
  return results;
}

const perSecond = (results: readonly WindowResult[]): number => median(results.map((result) => result.perSecond));
const cpuEach = (results: readonly WindowResult[]): number => median(results.map((result) => result.cpuMicrosEach));

function noteOf(results: Results): string {
  const busy = Math.max(...results.peal.map((result) => result.generatorBusy));
  const spread = spreadPercent(results.peal.map((result) => result.perSecond));
  return `±${spread.toFixed(0)} %${busy > 0.9 ? `; generator ${(busy * 100).toFixed(0)} % of its core` : ""}`;
}

export async function benchPublish(context: BenchContext): Promise<void> {
  const batches = await measureAll(context, BATCHES);
  const note = noteOf(batches);
  const cpuRatio = cpuEach(batches.peal) / cpuEach(batches.empty);
  const question = BATCHES.name;
  context.report({
    question,
    figure: "CPU per message / empty handler",
    value: cpuRatio,
    text: `${cpuRatio.toFixed(2)} × (${cpuEach(batches.peal).toFixed(2)} µs)`,
    target: { kind: "atMost", value: 2.2 },
    note,
  });
  const limit = Math.min(perSecond(batches.empty), median(batches.rawPerSecond));
  const share = perSecond(batches.peal) / limit;
  context.report({
    question,
    figure: "messages/s / lower of empty handler and raw limit",
    value: share,
    text: `${(share * 100).toFixed(0)} % (${compact(perSecond(batches.peal))}/s)`,
    target: { kind: "atLeast", value: 0.45 },
    note,
  });
  if (batches.emulator.length > 0) {
    const faster = perSecond(batches.peal) / perSecond(batches.emulator);
    const cheaper = cpuEach(batches.peal) / cpuEach(batches.emulator);
    context.report({
      question,
      figure: "messages/s / official emulator",
      value: faster,
      text: `${faster.toFixed(2)} ×`,
      target: { kind: "atLeast", value: 1.3 },
    });
    context.report({
      question,
      figure: "CPU per message / official emulator",
      value: cheaper,
      text: `${cheaper.toFixed(2)} ×`,
      target: { kind: "atMost", value: 0.67 },
    });
  }
}

export async function benchPublishSingles(context: BenchContext): Promise<void> {
  const singles = await measureAll(context, SINGLES);
  const share = perSecond(singles.peal) / perSecond(singles.empty);
  context.report({
    question: SINGLES.name,
    figure: "messages/s / empty handler",
    value: share,
    text: `${(share * 100).toFixed(0)} % (${compact(perSecond(singles.peal))}/s)`,
    target: { kind: "atLeast", value: 0.6 },
    note: noteOf(singles),
  });
  if (singles.emulator.length > 0) {
    const cheaper = cpuEach(singles.peal) / cpuEach(singles.emulator);
    context.report({
      question: SINGLES.name,
      figure: "CPU per message / official emulator",
      value: cheaper,
      text: `${cheaper.toFixed(2)} × (${cpuEach(singles.peal).toFixed(1)} µs)`,
      target: { kind: "atMost", value: 0.67 },
    });
  }
}
