/** Enough of an engine to push from: it hands out what is published, and notes what is settled. */
import { create, toBinary } from "@bufbuild/protobuf";
import { PubSubError } from "@peal/core";
import { PubsubMessageSchema } from "@peal/wire";
import type {
  AckFailure,
  DeliveredBatch,
  DeliveredRun,
  Puller,
  PullerOptions,
  PullerSink,
} from "../engine/engine-contract.js";
import type { PushConfig } from "../engine/settings.js";
import type { PushEngine } from "./push-engine.js";

export const NAME = "projects/p/subscriptions/s";
export const FIRST_ID = 7_000;
export const PUBLISH_TIME_MS = 1_614_300_000_749;

export interface FakeMessage {
  readonly data?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

type OnChange = (subscription: string, config: PushConfig | undefined) => void;

export class FakePushEngine implements PushEngine {
  readonly acked: string[] = [];
  readonly nacked: string[] = [];
  readonly pullers: FakePuller[] = [];
  deadlineSeconds = 10;
  deliveryAttempt = 0;
  /** Undefined: settled at once. */
  settling: Promise<void> | undefined;
  readonly #configs = new Map<string, PushConfig>();
  readonly #messages: Uint8Array[] = [];
  readonly #waiting: number[] = [];
  #onChange: OnChange | undefined;

  publish(...messages: readonly FakeMessage[]): void {
    for (const { data = "", attributes = {}, orderingKey = "" } of messages) {
      const message = create(PubsubMessageSchema, { data: Buffer.from(data), attributes, orderingKey });
      this.#messages.push(toBinary(PubsubMessageSchema, message));
      this.#waiting.push(this.#messages.length - 1);
    }
    this.handOut();
  }

  configure(config: PushConfig | undefined, name = NAME): void {
    if (config === undefined) this.#configs.delete(name);
    else this.#configs.set(name, config);
    this.#onChange?.(name, config);
  }

  watchPushConfigs(onChange: OnChange): void {
    this.#onChange = onChange;
    for (const [name, config] of this.#configs) onChange(name, config);
  }

  ackDeadlineSeconds(): number {
    return this.deadlineSeconds;
  }

  openPuller(_subscription: string, options: PullerOptions, sink: PullerSink): Puller {
    if (!options.isPush) throw new PubSubError("FAILED_PRECONDITION", "it is pushed to");
    const puller = new FakePuller(this, options, sink);
    this.pullers.push(puller);
    return puller;
  }

  async acknowledge(_subscription: string, ackIds: readonly string[]): Promise<readonly AckFailure[]> {
    await this.settling;
    this.acked.push(...ackIds);
    return [];
  }

  async modifyAckDeadline(
    _subscription: string,
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<readonly AckFailure[]> {
    if (seconds !== 0) throw new Error("pushes only nack");
    this.nacked.push(...ackIds);
    for (const ackId of ackIds) this.giveBack(Number(ackId.slice(1)));
    return [];
  }

  giveBack(...sequences: readonly number[]): void {
    this.#waiting.unshift(...sequences);
    this.handOut();
  }

  /** Gives the open puller what it asks for. */
  handOut(): void {
    const puller = this.pullers.at(-1);
    if (puller === undefined || puller.isClosed || puller.asked === 0 || this.#waiting.length === 0) return;
    const sequences = this.#waiting.splice(0, puller.asked);
    puller.asked = 0;
    puller.last = sequences;
    puller.sink.deliver(this.#batchOf(sequences));
  }

  #batchOf(sequences: readonly number[]): DeliveredBatch {
    return {
      messageCount: sequences.length,
      sizeBytes: sequences.reduce((sum, sequence) => sum + this.#messages[sequence]!.length, 0),
      runs: sequences.map((sequence) => this.#runOf(sequence)),
      ackIdLength: 5,
      writeAckId: (sequence, target, at) => {
        target.set(Buffer.from(`a${String(sequence).padStart(4, "0")}`), at);
      },
    };
  }

  #runOf(sequence: number): DeliveredRun {
    const message = this.#messages[sequence]!;
    return {
      bytes: Buffer.concat([Buffer.from("###"), message]),
      firstSequence: sequence,
      firstMessageId: FIRST_ID + sequence,
      publishTimeMs: PUBLISH_TIME_MS,
      count: 1,
      deliveryAttempt: this.deliveryAttempt,
      offset: () => 3,
      length: () => message.length,
    };
  }
}

export class FakePuller implements Puller {
  asked = 0;
  last: readonly number[] = [];
  isClosed = false;
  returned = 0;
  leaseMs: number | undefined;
  readonly #engine: FakePushEngine;

  constructor(
    engine: FakePushEngine,
    options: PullerOptions,
    readonly sink: PullerSink,
  ) {
    this.#engine = engine;
    this.leaseMs = options.leaseMs;
  }

  ready(maxMessages: number): void {
    if (this.asked !== 0) throw new Error("ready is allowed once per deliver");
    this.asked = maxMessages;
    this.#engine.handOut();
  }

  setLeaseMs(leaseMs: number): void {
    this.leaseMs = leaseMs;
  }

  returnLast(): void {
    this.returned += this.last.length;
    this.#engine.giveBack(...this.last);
  }

  close(): void {
    this.isClosed = true;
  }

  end(): void {
    this.isClosed = true;
    this.sink.end(new PubSubError("NOT_FOUND", "Resource not found (resource=s)."));
  }
}
