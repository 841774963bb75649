/** How fast do a streaming pull and durable acks empty a backlog? */
import { type BenchContext, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { PullLoad } from "../load/pull-load.js";
import { measureWindow, type WindowResult } from "../load/window.js";
import { compact } from "../report.js";
import { median, spreadPercent } from "../statistics.js";
import { Subject } from "../subject.js";

const MESSAGE_BYTES = 1024;
const TOPIC = "pull";
const PLAN = { subscriptionId: "pull", outstandingMax: 10_000, idsPerAck: 1_000 };
const QUESTION = "streaming pull + durable ack, 1 KiB, one stream";

/** Enough for the window at the speed each can have; published just before. */
export const BACKLOG = { peal: 6_000_000, emulator: 400_000 };
/** What a quick run takes of it. */
const QUICK_SHARE = 0.05;

type Start = (folder: string) => Promise<Subject | undefined>;

/** One round against whatever `start` starts. */
export async function measurePull(
  context: BenchContext,
  backlog: number,
  start: Start,
): Promise<WindowResult | undefined> {
  return withFolder(async (folder) => {
    const subject = await start(folder);
    if (subject === undefined) return undefined;
    const endpoint = new Endpoint(subject.port);
    try {
      if (backlog > 0) {
        await endpoint.createTopic(TOPIC);
        await endpoint.createSubscription(PLAN.subscriptionId, TOPIC);
        const load = new PublishLoad(endpoint, { requests: [publishRequest(TOPIC, 500, MESSAGE_BYTES)], inFlight: 8 });
        load.start(backlog / 500);
        await load.finished();
      }
      const pull = new PullLoad(endpoint, PLAN);
      const unitsMax = backlog > 0 ? backlog - PLAN.outstandingMax : Number.POSITIVE_INFINITY;
      const result = await measureWindow(subject, context, () => pull.acked, unitsMax);
      pull.check();
      await pull.stop();
      return result;
    } finally {
      await endpoint.close();
      await subject.stop("SIGKILL");
    }
  });
}

export async function benchPull(context: BenchContext): Promise<void> {
  const results = { peal: [] as WindowResult[], empty: [] as WindowResult[], emulator: [] as WindowResult[] };
  for (let round = 1; round <= context.rounds; round += 1) {
    const backlogOf = (full: number): number => (context.isQuick ? full * QUICK_SHARE : full);
    const peal = await measurePull(context, backlogOf(BACKLOG.peal), (folder) => Subject.startPeal(folder));
    const empty = await measurePull(context, 0, () => Subject.startEmpty());
    const emulator = await measurePull(context, backlogOf(BACKLOG.emulator), () => Subject.startEmulator());
    if (peal !== undefined) results.peal.push(peal);
    if (empty !== undefined) results.empty.push(empty);
    if (emulator !== undefined) results.emulator.push(emulator);
    context.log(
      `${QUESTION}, round ${round}: peal ${compact(peal?.perSecond ?? 0)}/s at ${peal?.cpuMicrosEach.toFixed(2)} µs, ` +
        `empty pusher ${compact(empty?.perSecond ?? 0)}/s at ${empty?.cpuMicrosEach.toFixed(2)} µs, emulator ` +
        `${compact(emulator?.perSecond ?? 0)}/s`,
    );
  }
  const cpuRatio =
    median(results.peal.map((result) => result.cpuMicrosEach)) /
    median(results.empty.map((result) => result.cpuMicrosEach));
  const pealPerSecond = results.peal.map((result) => result.perSecond);
  const busy = Math.max(...results.peal.map((result) => result.generatorBusy));
  context.report({
    question: QUESTION,
    figure: "CPU per message / empty pusher",
    value: cpuRatio,
    text: `${cpuRatio.toFixed(2)} × (${median(results.peal.map((result) => result.cpuMicrosEach)).toFixed(2)} µs)`,
    target: { kind: "atMost", value: 4 },
    note: `${compact(median(pealPerSecond))}/s ±${spreadPercent(pealPerSecond).toFixed(0)} %; generator ${(busy * 100).toFixed(0)} % of its core`,
  });
  if (results.emulator.length === 0) return;
  const faster = median(pealPerSecond) / median(results.emulator.map((result) => result.perSecond));
  context.report({
    question: QUESTION,
    figure: "messages/s / official emulator",
    value: faster,
    text: `${faster.toFixed(1)} ×`,
    target: { kind: "atLeast", value: 20 },
  });
}
