import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStorage, type Storage, StorageError, type Write } from "@peal/store";
import { type FaultRates, FaultyStorage, NO_FAULTS } from "./faulty-storage.js";
import { SeededRandom } from "./seeded-random.js";
import { VirtualClock } from "./virtual-clock.js";

const LOG = { kind: "topic", id: "t", part: 0 } as const;

function append(count: number): Write[] {
  return [{ kind: "append", log: LOG, data: new Uint8Array(1), count, timeMs: 0 }];
}

function faulty(rates: Partial<FaultRates> = {}): { clock: VirtualClock; inner: Storage; storage: FaultyStorage } {
  const clock = new VirtualClock();
  const inner = openMemoryStorage({ monotonicMs: () => clock.nowMs });
  return { clock, inner, storage: new FaultyStorage(inner, clock, new SeededRandom(1), { ...NO_FAULTS, ...rates }) };
}

async function runTimers(clock: VirtualClock): Promise<void> {
  while (clock.nextTimerAtMs < Number.POSITIVE_INFINITY) {
    clock.moveTo(clock.nextTimerAtMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("commits take effect in the order of their calls, however long each takes", async () => {
  const { clock, storage } = faulty({ slowCommit: 0.5 });
  const commits = Array.from({ length: 20 }, (_, index) => storage.commit(append(index + 1)));
  assert.equal(storage.tail(LOG), 0);
  await runTimers(clock);
  const positions = (await Promise.all(commits)).map(([position]) => position!);
  assert.deepEqual(
    positions,
    [...positions].sort((left, right) => left - right),
  );
  assert.equal(storage.tail(LOG), 210);
});

test("a kill keeps a prefix of what was under way and answers nobody", async () => {
  const { clock, inner, storage } = faulty({ slowCommit: 1 });
  let answers = 0;
  for (let index = 0; index < 10; index += 1) {
    storage.commit(append(1)).then(() => {
      answers += 1;
    }, assert.ifError);
  }
  storage.kill();
  await runTimers(clock);
  assert.equal(answers, 0);
  assert.ok(inner.tail(LOG) <= 10);
  assert.equal(storage.tail(LOG), inner.tail(LOG));
});

test("on a full disk a publish leaves no trace", async () => {
  const { clock, storage } = faulty();
  storage.isFull = true;
  const refused = assert.rejects(storage.commit(append(1)), (error: StorageError) => error.code === "Full");
  await runTimers(clock);
  await refused;
  assert.equal(storage.tail(LOG), 0);
});

test("after a commit in doubt nothing else takes effect", async () => {
  const { clock, inner, storage } = faulty({ unknown: 1 });
  const answers = [storage.commit(append(1)), storage.commit(append(1)), storage.commit(append(1))].map((commit) =>
    assert.rejects(commit, (error: unknown) => error instanceof StorageError && error.code === "Unknown"),
  );
  await runTimers(clock);
  await Promise.all(answers);
  assert.ok(inner.tail(LOG) <= 1);
});
