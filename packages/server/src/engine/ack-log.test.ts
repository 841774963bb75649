import assert from "node:assert/strict";
import { test } from "node:test";
import { type Event, type PubSubError, Subscription } from "@peal/core";
import { type LogRef, openMemoryStorage, StorageError, type Write } from "@peal/store";
import { AckLog } from "./ack-log.js";
import type { AckLogCommit, AckLogJob, AckLogPositions } from "./ack-log-job.js";
import { ackLogRef } from "./ack-log-reader.js";
import { Activity } from "./activity.js";
import { CommitLine } from "./commit-line.js";
import { notFound } from "./engine-errors.js";
import { DEFAULT_ENGINE_LIMITS } from "./engine-limits.js";
import { FaultyStorage } from "./faulty-storage.test.support.js";
import { ManualClock } from "./manual-clock.js";
import { WakeQueue } from "./wake-queue.js";

const OTHER: LogRef = { kind: "topic", id: "other", part: 0 };
const MESSAGES = 100;

/** A job that remembers what became of it. */
class RecordingJob implements AckLogJob {
  formed = 0;
  positions: AckLogPositions | undefined;
  error: PubSubError | undefined;

  constructor(readonly commit: () => AckLogCommit | undefined) {}

  form(): AckLogCommit | undefined {
    this.formed += 1;
    return this.commit();
  }

  done(positions: AckLogPositions): void {
    this.positions = positions;
  }

  failed(error: PubSubError): void {
    this.error = error;
  }
}

/** An ack log over a real core that has a hundred messages out of nobody's hands. */
class LogBed {
  readonly clock = new ManualClock();
  readonly storage = new FaultyStorage(openMemoryStorage({ monotonicMs: () => this.clock.monotonicMs() }));
  readonly activity = new Activity();
  readonly failures: Error[] = [];
  readonly floors: number[] = [];
  readonly commits = new CommitLine(this.storage, this.activity, (error) => this.failures.push(error));
  readonly core = Subscription.create(0, { startNumber: 1, limits: DEFAULT_ENGINE_LIMITS.core });
  readonly log = new AckLog(
    { name: "projects/p/subscriptions/s", ref: ackLogRef(1), core: this.core },
    { tail: 0, checkpointBytes: 0, stepBytes: 0 },
    {
      commits: this.commits,
      clock: this.clock,
      activity: this.activity,
      wakes: new WakeQueue(this.clock),
      limits: DEFAULT_ENGINE_LIMITS,
    },
    (floor) => this.floors.push(floor),
  );

  constructor() {
    this.take({ kind: "appended", head: MESSAGES });
  }

  take(event: Event): void {
    const effects = this.core.step(event, { nowMs: this.clock.monotonicMs(), random: () => 0 });
    if (effects.some((effect) => effect.kind === "persist")) this.log.persist();
  }

  ack(...sequences: number[]): void {
    this.take({ kind: "acked", request: 0, sequences, generations: sequences.map(() => 1) });
  }

  /** A record that says what the core is, so that a restart reads it. */
  plainJob(around: { before?: readonly Write[]; after?: readonly Write[] } = {}): RecordingJob {
    return new RecordingJob(() => ({ record: stepOf(), isCheckpoint: false, ...around }));
  }

  settle(): Promise<void> {
    return this.activity.quiesce();
  }

  /** What was committed to the ack log, as the kinds of its records. */
  kinds(): string[] {
    return this.storage.commits.flat().flatMap((write) => {
      if (write.kind !== "appendIf") return [];
      if (write.replace === true) return ["checkpoint"];
      return [Buffer.from(write.data).equals(Buffer.from(stepOf())) ? "job" : "step"];
    });
  }
}

/** A Step of another core: one acked message that no test acks otherwise. */
function stepOf(): Uint8Array {
  const core = Subscription.create(0, { startNumber: 1, limits: DEFAULT_ENGINE_LIMITS.core });
  core.step({ kind: "appended", head: MESSAGES }, { nowMs: 0, random: () => 0 });
  core.step({ kind: "acked", request: 0, sequences: [MESSAGES], generations: [1] }, { nowMs: 0, random: () => 0 });
  return core.takeStep()!;
}

function appendTo(log: LogRef, text: string): Write {
  return { kind: "append", log, data: Buffer.from(text), count: 3, timeMs: 5 };
}

test("a job's record and the writes around it are one commit, and it is told their positions", async () => {
  const bed = new LogBed();
  bed.ack(5);
  await bed.settle();
  const put: Write = { kind: "put", key: "key", value: Buffer.from("value"), revision: null };
  const job = bed.plainJob({ before: [appendTo(OTHER, "one")], after: [put] });
  bed.log.run(job);
  await bed.settle();
  const last = bed.storage.commits.at(-1)!;
  assert.deepEqual(
    last.map((write) => write.kind),
    ["append", "appendIf", "put"],
  );
  assert.deepEqual(job.positions?.before, [1]);
  assert.equal(job.positions?.after[0], (await bed.storage.get("key"))!.revision);
  assert.equal(bed.storage.tail(ackLogRef(1)), 2);
  assert.equal(bed.log.isIdle, true);
});

test("an ack log that begins with a job begins with a Checkpoint", async () => {
  const bed = new LogBed();
  const job = bed.plainJob();
  bed.log.run(job);
  await bed.settle();
  assert.deepEqual(bed.kinds(), ["checkpoint", "job"]);
  assert.notEqual(job.positions, undefined);
});

test("jobs and Steps take turns, however many of each wait", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  let next = 2;
  // Each commit finds something new that is dirty.
  bed.storage.beforeCommit = () => {
    if (next < 8) bed.ack(next);
    next += 1;
  };
  for (let index = 0; index < 3; index += 1) bed.log.run(bed.plainJob());
  await bed.settle();
  assert.deepEqual(bed.kinds().slice(0, 7), ["checkpoint", "job", "step", "job", "step", "job", "step"]);
});

test("a job with nothing to do any more writes nothing and is told nothing", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  const empty = new RecordingJob(() => undefined);
  const other = bed.plainJob();
  bed.log.run(empty);
  bed.log.run(other);
  await bed.settle();
  assert.deepEqual([empty.formed, empty.positions, empty.error], [1, undefined, undefined]);
  assert.notEqual(other.positions, undefined);
  assert.equal(bed.log.isIdle, true);
});

test("a job that finds no space fails and leaves nothing, and acks go on", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  bed.storage.beforeCommit = (writes) => {
    if (writes.some((write) => write.kind === "append")) throw new StorageError("Full", "planted");
  };
  const job = bed.plainJob({ before: [appendTo(OTHER, "one")] });
  bed.log.run(job);
  bed.ack(2);
  await bed.log.whenDurable();
  await bed.settle();
  assert.equal(job.error?.code, "RESOURCE_EXHAUSTED");
  assert.equal(bed.storage.tail(OTHER), 0);
  assert.equal(bed.log.isIdle, true);
  assert.deepEqual(bed.failures, []);
});

test("a job whose other log is gone fails, and acks go on", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.storage.commit([appendTo(OTHER, "one")]);
  await bed.storage.commit([{ kind: "drop", log: OTHER }]);
  const job = bed.plainJob({ before: [appendTo(OTHER, "two")] });
  bed.log.run(job);
  await bed.settle();
  assert.equal(job.error?.code, "NOT_FOUND");
  bed.ack(2);
  await bed.log.whenDurable();
  assert.equal(bed.floors.at(-1), 2);
});

test("while there is no space for Steps, jobs that wait fail and later ones get their turn", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  bed.storage.beforeCommit = () => {
    throw new StorageError("Full", "planted");
  };
  bed.ack(2);
  const refused = bed.plainJob();
  bed.log.run(refused);
  await bed.settle();
  await bed.log.settled();
  assert.equal(refused.error?.code, "RESOURCE_EXHAUSTED");
  const later = bed.plainJob();
  bed.log.run(later);
  bed.storage.beforeCommit = () => undefined;
  await bed.clock.advance(1_001, () => bed.settle());
  assert.notEqual(later.positions, undefined);
});

test("a job whose outcome nobody knows fails, and the engine stops", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  bed.storage.beforeCommit = () => {
    throw new StorageError("Unknown", "planted");
  };
  const job = bed.plainJob();
  const behind = bed.plainJob();
  bed.log.run(job);
  bed.log.run(behind);
  await bed.settle();
  assert.deepEqual([job.error?.code, behind.error?.code], ["UNAVAILABLE", "UNAVAILABLE"]);
  assert.equal(bed.failures.length, 1);
});

test("what is durable does not wait for a job, and a job does not make an ack durable", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  let release = (): void => undefined;
  bed.storage.beforeCommit = () =>
    new Promise<void>((resolve) => {
      release = resolve;
    });
  bed.log.run(bed.plainJob());
  await new Promise(setImmediate);
  assert.equal(bed.log.whenDurable(), undefined);
  bed.ack(2);
  let isDurable = false;
  const durable = bed.log.whenDurable()!.then(() => {
    isDurable = true;
  });
  release();
  await new Promise(setImmediate);
  assert.equal(isDurable, false);
  assert.equal(bed.floors.at(-1), 1);
  release();
  await durable;
});

test("a job on its way when its log ends has its outcome, one that waits fails", async () => {
  const bed = new LogBed();
  bed.ack(1);
  await bed.settle();
  let release = (): void => undefined;
  bed.storage.beforeCommit = () =>
    new Promise<void>((resolve) => {
      release = resolve;
    });
  const sent = bed.plainJob();
  const waiting = bed.plainJob();
  bed.log.run(sent);
  bed.log.run(waiting);
  await new Promise(setImmediate);
  const reason = notFound("projects/p/subscriptions/s");
  bed.log.end(reason);
  const late = bed.plainJob();
  bed.log.run(late);
  assert.deepEqual([waiting.error, late.error?.code], [reason, "NOT_FOUND"]);
  release();
  await bed.settle();
  assert.notEqual(sent.positions, undefined);
});

test("a clean stop waits for jobs", async () => {
  const bed = new LogBed();
  bed.ack(1);
  const jobs = [bed.plainJob(), bed.plainJob()];
  for (const job of jobs) bed.log.run(job);
  await bed.log.close(0);
  assert.ok(jobs.every((job) => job.positions !== undefined));
});
