import assert from "node:assert/strict";
import type { AckFailureReason, Effect, PullerId } from "./events.js";
import type { Pending, SemanticState } from "./semantic-state.test.support.js";

/** One delivery of a message, as a client remembers it. */
export interface SeenDelivery {
  readonly sequence: number;
  readonly generation: number;
  readonly puller: PullerId;
}

/** An open puller. */
export interface WorldPuller {
  readonly isOnce: boolean;
  readonly isExclusive: boolean;
  readonly messagesMax: number;
  leaseMs: number;
  isReady: boolean;
}

const ACKED_MEMORY_MS = 600_000;

/** Holds each effect of a subscription against what the statements allow in the state at hand, and takes note of it there. */
export class SemanticChecks {
  readonly #state: SemanticState;
  /** Deliveries seen before the last restart. */
  seenBefore = 0;
  /** Open now. */
  readonly pullers = new Map<PullerId, WorldPuller>();
  readonly seen: SeenDelivery[] = [];
  latestGeneration = 0;

  constructor(state: SemanticState) {
    this.#state = state;
  }

  /** S-8.3 to S-8.10, S-8.12. */
  checkOutcome(event: Pending, effect: Effect & { kind: "outcome" }): void {
    assert.equal(effect.request, event.request);
    const failed = new Map<number, AckFailureReason>();
    for (const [place, index] of effect.indexes.entries()) failed.set(index, effect.reasons[place]!);
    assert.deepEqual(
      [...failed.keys()],
      [...failed.keys()].sort((left, right) => left - right),
    );
    for (const index of this.#state.orderOf(event)) {
      const sequence = event.sequences[index]!;
      // Whether a lease on what is dropped is known after a restart depends on what was written by the way.
      if (sequence <= this.#state.dropped && !this.#state.leases.has(sequence)) continue;
      const generation = event.generations[index]!;
      const told = failed.get(index) ?? "done";
      const name = `${event.kind} ${sequence} under ${generation}`;
      if (event.kind === "acked") this.checkAck(sequence, generation, told, name);
      else this.checkModify(sequence, generation, event.leaseMs[index]!, told, name);
    }
  }

  checkAck(sequence: number, generation: number, told: string, name: string): void {
    const id = `${sequence}:${generation}`;
    if (this.#state.isLiving(sequence, generation)) {
      const expected = this.#state.before(sequence).length === 0 ? "done" : "unordered";
      // Its place among its key is not known before it is met.
      const isOpen = this.#state.unsure.has(sequence) || (this.#state.unmet.has(sequence) && told === "done");
      if (!isOpen) assert.equal(told, expected, name);
      if (told !== "done") return;
      this.#state.settle(sequence);
      this.#state.ackedIds.set(id, this.#state.nowMs);
      return;
    }
    const ackedAtMs = this.#state.ackedIds.get(id) ?? Number.NEGATIVE_INFINITY;
    const isKnown = generation > this.#state.voidGeneration && ackedAtMs + ACKED_MEMORY_MS > this.#state.nowMs;
    assert.equal(told, isKnown ? "done" : "invalid", name);
  }

  checkModify(sequence: number, generation: number, leaseMs: number, told: string, name: string): void {
    const isLiving = this.#state.isLiving(sequence, generation);
    if (!isLiving || !this.#state.unsure.has(sequence)) assert.equal(told, isLiving ? "done" : "invalid", name);
    if (told !== "done") return;
    if (leaseMs === 0) {
      this.#state.fail(sequence);
      return;
    }
    const lease = this.#state.leases.get(sequence)!;
    lease.leaseMs = leaseMs;
    lease.deadlineAtMs = this.#state.nowMs + leaseMs;
  }

  checkDeadLetter(effect: Effect & { kind: "deadLetter" }): void {
    const { deliveryAttemptsMax } = this.#state.rules;
    assert.ok(deliveryAttemptsMax !== undefined, "there is a dead-letter policy");
    assert.equal(effect.sequences.length, effect.failures.length);
    effect.sequences.forEach((sequence, index) => {
      const failures = effect.failures[index]!;
      assert.ok(index === 0 || effect.sequences[index - 1]! < sequence, "rising sequences");
      assert.ok(!this.#state.settled.has(sequence), `${sequence} is not settled`);
      assert.ok(!this.#state.isOut(sequence) || this.#state.unsure.has(sequence), `${sequence} is not out`);
      assert.ok(!this.#state.dying.has(sequence), `${sequence} is told once`);
      this.checkFailures(sequence, failures);
      assert.ok(failures >= deliveryAttemptsMax, `${sequence} has used its attempts`);
      this.#state.leases.delete(sequence);
      this.#state.dying.set(sequence, failures);
      const kept = this.#state.failures.get(sequence);
      if (kept !== undefined) kept.notBeforeMs = this.#state.nowMs;
    });
  }

  /** S-18.1: strictly as many deliveries as the policy allows. */
  checkDying(): void {
    const { deliveryAttemptsMax } = this.#state.rules;
    if (deliveryAttemptsMax === undefined) return;
    for (const sequence of this.#state.failedNow) {
      const kept = this.#state.failures.get(sequence);
      if (kept === undefined || this.#state.settled.has(sequence) || this.#state.isOut(sequence)) continue;
      if (kept.min !== deliveryAttemptsMax || kept.max !== deliveryAttemptsMax) continue;
      assert.ok(this.#state.dying.has(sequence), `${sequence} has used its attempts and goes to the dead-letter topic`);
    }
  }

  checkFailures(sequence: number, failures: number): void {
    const kept = this.#state.failures.get(sequence) ?? { min: 0, max: 0, delayMs: 0, notBeforeMs: 0 };
    assert.ok(
      kept.min <= failures && failures <= kept.max,
      `${sequence} failed ${kept.min} to ${kept.max} times, told is ${failures}`,
    );
    if (this.#state.failures.has(sequence))
      this.#state.failures.set(sequence, { ...kept, min: failures, max: failures });
  }

  checkDelivery(effect: Effect & { kind: "deliver" }): void {
    const puller = this.pullers.get(effect.puller);
    assert.ok(puller?.isReady, "only a ready puller is served");
    puller.isReady = false;
    assert.ok(effect.generation > this.latestGeneration, "generations rise");
    this.latestGeneration = effect.generation;
    let messageCount = 0;
    let hasFailures = false;
    for (const run of effect.runs) {
      for (let sequence = run.first; sequence < run.first + run.count; sequence += 1) {
        this.checkMessage(sequence, effect, puller);
        if (this.#state.countsFailures) {
          this.checkFailures(sequence, run.failures);
          hasFailures ||= run.failures > 0;
        } else assert.equal(run.failures, 0, "failures are told where a policy counts them");
        messageCount += 1;
      }
    }
    assert.equal(messageCount, effect.messageCount);
    this.learn(effect);
    const mustHold =
      this.#state.rules.isExactlyOnce || (hasFailures && this.#state.rules.deliveryAttemptsMax !== undefined);
    if (mustHold) assert.ok(effect.isHeld, "what is promised is durable first");
    else if (this.#state.rules.deliveryAttemptsMax === undefined) assert.ok(!effect.isHeld, "nothing is waited for");
    if (puller.isOnce) this.pullers.delete(effect.puller);
  }

  /** What lies before a message that is delivered was met. */
  learn(effect: Effect & { kind: "deliver" }): void {
    this.#state.markUnsure();
    const last = Math.max(...effect.runs.map((run) => run.first + run.count - 1));
    for (const sequence of this.#state.unmet)
      if (sequence < last && !this.#state.unsure.has(sequence)) this.#state.unmet.delete(sequence);
  }

  checkMessage(sequence: number, effect: Effect & { kind: "deliver" }, puller: WorldPuller): void {
    assert.ok(this.#state.messages.has(sequence), `${sequence} is a message`);
    assert.ok(!this.#state.settled.has(sequence), `${sequence} is not settled`);
    assert.ok(!this.#state.dying.has(sequence), `${sequence} is not on its way to the dead-letter topic`);
    assert.ok(!this.#state.isOut(sequence) || this.#state.unsure.has(sequence), `${sequence} is not out under a lease`);
    const kept = this.#state.failures.get(sequence);
    if (kept !== undefined) assert.ok(kept.notBeforeMs <= this.#state.nowMs, `${sequence} comes after its delay`);
    for (const other of this.#state.before(sequence)) {
      const lease = this.#state.leases.get(other);
      assert.ok(lease !== undefined, `${other} of the same key comes before ${sequence}`);
      const isSameBatch = lease.generation === effect.generation;
      if (puller.isExclusive) assert.fail(`${sequence} comes when ${other} of its key is settled`);
      if (puller.isOnce) assert.ok(isSameBatch, `${sequence} waits until ${other} is settled`);
      assert.equal(lease.puller, effect.puller, `${sequence} goes where ${other} of its key is`);
    }
    this.#state.meet(sequence);
    this.#state.extensible.delete(sequence);
    const { leaseMs } = puller;
    this.#state.leases.set(sequence, {
      generation: effect.generation,
      leaseMs,
      deadlineAtMs: this.#state.nowMs + leaseMs,
      puller: effect.puller,
    });
    if (kept !== undefined) kept.delayMs = 0;
    this.seen.push({ sequence, generation: effect.generation, puller: effect.puller });
  }

  /** What was delivered before and can be again is, as long as somebody can take it. */
  checkNobodyWaits(): void {
    const isTakerThere = [...this.pullers].some(
      ([id, puller]) => puller.isReady && this.outstanding(id) < puller.messagesMax,
    );
    if (!isTakerThere) return;
    for (const { sequence } of this.seen.slice(this.seenBefore)) {
      if (this.#state.settled.has(sequence) || this.#state.leases.has(sequence) || this.#state.dying.has(sequence))
        continue;
      if ((this.#state.failures.get(sequence)?.notBeforeMs ?? 0) > this.#state.nowMs) continue;
      assert.ok(this.#state.before(sequence).length > 0, `${sequence} waits, though somebody could take it`);
    }
  }

  outstanding(id: PullerId): number {
    let count = 0;
    for (const lease of this.#state.leases.values()) if (lease.puller === id) count += 1;
    return count;
  }
}
