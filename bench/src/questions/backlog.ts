/** Does a big backlog slow anything down, or fill memory? */
import { execFile } from "node:child_process";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type BenchContext, freeBytes, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { PullLoad } from "../load/pull-load.js";
import { compact } from "../report.js";
import { Subject } from "../subject.js";

const run = promisify(execFile);
const MESSAGE_BYTES = 200;
const TOPIC = "backlog";
const NEEDED_BYTES = 7e9;
const PER_CALL = 1_000;
const WARM_UP_TOPIC = "warm-up";
const WARM_UP_MESSAGES = 3_000_000;
const OUTSTANDING_MAX = 10_000;
const MIB = 2 ** 20;

async function diskBytes(folder: string): Promise<number> {
  const { stdout } = await run("du", ["-s", "--block-size=1", folder]);
  return Number(stdout.split("\t")[0]);
}

/** Messages per second until `end` of them are acked in all. */
async function takeOff(pull: PullLoad, end: number): Promise<number> {
  const start = pull.acked;
  const startMs = performance.now();
  while (pull.acked < end) {
    pull.check();
    await sleep(5);
  }
  return ((pull.acked - start) * 1000) / (performance.now() - startMs);
}

/** A second backlog, which the restarted server delivers first: its code is warm when the measuring begins. */
async function fillForWarmUp(publisher: Endpoint, count: number): Promise<void> {
  await publisher.createTopic(WARM_UP_TOPIC);
  await publisher.createSubscription(WARM_UP_TOPIC, WARM_UP_TOPIC);
  const request = publishRequest(WARM_UP_TOPIC, PER_CALL, MESSAGE_BYTES);
  const load = new PublishLoad(publisher, { requests: [request], inFlight: 8 });
  load.start(count / PER_CALL);
  await load.finished();
}

async function drain(endpoint: Endpoint, subscriptionId: string, count: number): Promise<void> {
  const pull = new PullLoad(endpoint, { subscriptionId, outstandingMax: OUTSTANDING_MAX, idsPerAck: PER_CALL });
  await takeOff(pull, count - OUTSTANDING_MAX);
  await pull.stop();
}

async function readyAfterKill(folder: string): Promise<number> {
  const subject = await Subject.startPeal(folder, { pinned: false });
  await subject.stop("SIGKILL");
  return subject.readyAfterMs;
}

export async function benchBacklog(context: BenchContext): Promise<void> {
  const hasRoom = (await freeBytes()) > NEEDED_BYTES;
  const full = hasRoom ? 10_000_000 : 1_000_000;
  const total = context.isQuick ? 400_000 : full;
  const slice = total / 10;
  const question = `backlog of ${compact(total)} × ${MESSAGE_BYTES} B`;
  const note = hasRoom ? undefined : "less than 7 GB of disk free: a tenth of the backlog";
  await withFolder(async (folder) => {
    const first = await Subject.startPeal(folder);
    const publisher = new Endpoint(first.port);
    await publisher.createTopic(TOPIC);
    await publisher.createSubscription(TOPIC, TOPIC);
    const request = publishRequest(TOPIC, PER_CALL, MESSAGE_BYTES);
    const load = new PublishLoad(publisher, { requests: [request], inFlight: 8 });
    load.start(total / PER_CALL);
    await load.finished();
    const warmUp = context.isQuick ? total / 10 : WARM_UP_MESSAGES;
    await fillForWarmUp(publisher, warmUp);
    const memory = first.memory();
    const disk = await diskBytes(folder);
    await publisher.close();
    await first.stop("SIGKILL");

    const fullReadyMs = await readyAfterKill(folder);
    const emptyReadyMs = await withFolder(readyAfterKill);
    const subject = await Subject.startPeal(folder);
    const endpoint = new Endpoint(subject.port);
    await drain(endpoint, WARM_UP_TOPIC, warmUp);
    const pull = new PullLoad(endpoint, { subscriptionId: TOPIC, outstandingMax: OUTSTANDING_MAX, idsPerAck: 1_000 });
    const fromFull = await takeOff(pull, slice);
    await takeOff(pull, slice * 9);
    const anonymous = Math.max(memory.anonymousBytes, subject.memory().anonymousBytes);
    const toEmpty = await takeOff(pull, total - OUTSTANDING_MAX);
    await pull.stop();
    await endpoint.close();
    await subject.stop("SIGKILL");

    const ratio = fromFull / toEmpty;
    context.report({
      question,
      figure: "messages/s of the first tenth / the last tenth",
      value: ratio,
      text: `${(ratio * 100).toFixed(0)} % (${compact(fromFull)}/s, ${compact(toEmpty)}/s)`,
      target: { kind: "atLeast", value: 0.8 },
      ...(note === undefined ? {} : { note }),
    });
    context.report({
      question,
      figure: "RssAnon, MB",
      value: anonymous / MIB,
      text: `${(anonymous / MIB).toFixed(0)} MB`,
      target: { kind: "atMost", value: 300 },
    });
    const overhead = disk / ((total + warmUp) * MESSAGE_BYTES);
    context.report({
      question,
      figure: "disk / payload",
      value: overhead,
      text: `${overhead.toFixed(2)} ×`,
      target: { kind: "atMost", value: 1.25 },
    });
    const laterSeconds = (fullReadyMs - emptyReadyMs) / 1000;
    context.report({
      question,
      figure: "ready after kill -9, seconds later than an empty server",
      value: laterSeconds,
      text: `${laterSeconds.toFixed(2)} s`,
      target: { kind: "atMost", value: 1 },
    });
  });
}
