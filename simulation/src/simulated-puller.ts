import type { DeliveredBatch, Engine, Puller, PullerOptions, PullerSink } from "@peal/server/engine";
import { type Delivery, type Ledger, SLACK_MS, type SubscriptionLife } from "./ledger.js";
import { Violation } from "./violation.js";

/** The ack deadline of every subscription. */
export const ACK_DEADLINE_MS = 10_000;

export interface PullerParts {
  readonly ledger: Ledger;
  readonly nowMs: () => number;
  readonly note: (line: string) => void;
  /** The server's turn must not be disturbed: what is wrong is told after it. */
  readonly fail: (error: unknown) => void;
}

/** A client's stream or pull. Remembers what it holds, and checks the server's manners towards it. */
export class SimulatedPuller implements PullerSink {
  readonly name: string;
  readonly subscription: SubscriptionLife;
  readonly options: PullerOptions;
  readonly held: Delivery[] = [];
  isOpen = true;
  readonly #parts: PullerParts;
  /** The shortest lease it may be given now. */
  #leaseMs: number;
  #ready: { readonly messages: number; readonly bytes: number } | undefined;
  #puller: Puller | undefined;
  #last: Delivery[] = [];

  constructor(name: string, subscription: SubscriptionLife, options: PullerOptions, parts: PullerParts) {
    this.name = name;
    this.subscription = subscription;
    this.options = options;
    this.#leaseMs = options.leaseMs ?? ACK_DEADLINE_MS;
    this.#parts = parts;
  }

  open(engine: Engine): void {
    this.#puller = engine.openPuller(this.subscription.name, this.options, this);
  }

  get isReady(): boolean {
    return this.#ready !== undefined;
  }

  ready(messages: number, bytes: number): void {
    if (!this.isOpen || this.#ready !== undefined) return;
    this.#ready = { messages, bytes };
    this.#puller?.ready(messages, bytes);
  }

  setLease(leaseMs: number): void {
    // Until the server has seen it the old length goes on.
    this.#leaseMs = Math.min(this.#leaseMs, leaseMs);
    this.#puller?.setLeaseMs(leaseMs);
  }

  /** Says that the batch last delivered could not be written. */
  returnLast(): void {
    for (const delivery of this.#last) delivery.endsAtMs = Number.NEGATIVE_INFINITY;
    this.#last = [];
    this.#puller?.returnLast();
  }

  close(): void {
    this.isOpen = false;
    this.#puller?.close();
  }

  configured(): void {
    // What it is told here is what it asked for.
  }

  deliver(batch: DeliveredBatch): void {
    try {
      this.#judge(batch);
    } catch (error) {
      this.#parts.fail(error);
    }
  }

  end(): void {
    this.isOpen = false;
    this.#parts.note(`${this.name} was ended`);
  }

  #judge(batch: DeliveredBatch): void {
    const ready = this.#ready;
    if (ready === undefined) throw new Violation(`${this.name} was given a batch it was not ready for`);
    this.#ready = undefined;
    // A unary pull may come back empty; a stream has nothing to say then.
    const isEmpty = batch.messageCount === 0 && !this.options.isOnce;
    if (isEmpty || batch.messageCount > ready.messages) {
      throw new Violation(`${this.name} asked for ${ready.messages} messages and was given ${batch.messageCount}`);
    }
    if (batch.sizeBytes > ready.bytes && batch.messageCount > 1) {
      throw new Violation(`${this.name} asked for ${ready.bytes} bytes and was given ${batch.sizeBytes}`);
    }
    const last = this.#take(batch);
    this.#checkWindow(last);
    if (this.options.isOnce) this.isOpen = false;
  }

  /** @returns The size of the batch's last message. */
  #take(batch: DeliveredBatch): number {
    const { ledger, nowMs, note } = this.#parts;
    const texts: string[] = [];
    let sizeBytes = 0;
    this.#last = [];
    for (const run of batch.runs) {
      for (let index = 0; index < run.count; index += 1) {
        const at = run.offset(index);
        sizeBytes = run.length(index);
        const [text = ""] = Buffer.from(run.bytes.subarray(at, at + sizeBytes))
          .toString("latin1")
          .split("|");
        const ackId = Buffer.alloc(batch.ackIdLength);
        batch.writeAckId(run.firstSequence + index, ackId, 0);
        const delivery: Delivery = {
          message: ledger.messageOf(text),
          subscription: this.subscription,
          ackId: ackId.toString("latin1"),
          puller: this.name,
          sizeBytes,
          endsAtMs: nowMs() + this.#leaseMs,
        };
        ledger.deliver(delivery, nowMs());
        this.held.push(delivery);
        this.#last.push(delivery);
        texts.push(text);
      }
    }
    note(`${this.name} got ${texts.join(" ")}`);
    return sizeBytes;
  }

  #checkWindow(lastBytes: number): void {
    const nowMs = this.#parts.nowMs();
    const out = this.held.filter((delivery) => delivery.endsAtMs - SLACK_MS > nowMs);
    if (out.length > this.options.maxOutstandingMessages) {
      throw new Violation(
        `${this.name} has ${out.length} messages out; its window is ${this.options.maxOutstandingMessages}`,
      );
    }
    const bytes = out.reduce((sum, delivery) => sum + delivery.sizeBytes, 0);
    if (bytes - lastBytes >= this.options.maxOutstandingBytes) {
      throw new Violation(`${this.name} has ${bytes} bytes out; its window is ${this.options.maxOutstandingBytes}`);
    }
  }
}
