/** An engine on the memory store with a clock that stands still, and pullers that remember what they got. */

import type { PubSubError } from "@peal/core";
import { openMemoryStorage } from "@peal/store";
import { Engine } from "./engine.js";
import type { DeliveredBatch, PublishBatch, Puller, PullerOptions, PullerSink } from "./engine-contract.js";
import type { EngineOptions } from "./engine-options.js";
import { FaultyStorage } from "./faulty-storage.test.support.js";
import { ManualClock } from "./manual-clock.js";
import type { DeliveryProperties, SubscriptionSettings } from "./settings.js";

export const TOPIC = "projects/p/topics/t";
export const SUBSCRIPTION = "projects/p/subscriptions/s";

export interface TestMessage {
  readonly data: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

/** Messages in a form that stands for the wire's: junk, then data, attributes and key of each, one after another. */
export function batchOf(messages: readonly (TestMessage | string)[], gapBytes = 3): PublishBatch {
  const pieces: Buffer[] = [];
  let end = 0;
  const put = (text: string): readonly [offset: number, length: number] => {
    const piece = Buffer.from(text);
    pieces.push(piece);
    end += piece.length;
    return [end - piece.length, piece.length];
  };
  const batch = {
    offsets: [] as number[],
    lengths: [] as number[],
    keyOffsets: [] as number[],
    keyLengths: [] as number[],
    attributes: [] as number[],
    attributeCounts: [] as number[],
  };
  for (const given of messages) {
    const message = typeof given === "string" ? { data: given } : given;
    put("#".repeat(gapBytes));
    const [offset] = put(message.data);
    const attributes = Object.entries(message.attributes ?? {});
    for (const [key, value] of attributes) batch.attributes.push(...put(key), ...put(value));
    const [keyOffset, keyLength] = put(message.orderingKey ?? "");
    batch.offsets.push(offset);
    batch.lengths.push(end - offset);
    batch.keyOffsets.push(keyOffset);
    batch.keyLengths.push(keyLength);
    batch.attributeCounts.push(attributes.length);
  }
  return { bytes: Buffer.concat(pieces), count: messages.length, ...batch };
}

export interface ReceivedMessage {
  readonly text: string;
  readonly messageId: number;
  readonly publishTimeMs: number;
  readonly ackId: string;
}

/** A sink that asks for the next batch as soon as one has come, unless told otherwise. */
export class RecordingPuller implements PullerSink {
  readonly received: ReceivedMessage[] = [];
  readonly batches: DeliveredBatch[] = [];
  error: PubSubError | undefined;
  properties: DeliveryProperties | undefined;
  puller: Puller | undefined;

  constructor(
    readonly maxMessages = 1_000,
    readonly isGreedy = true,
  ) {}

  configured(properties: DeliveryProperties): void {
    this.properties = properties;
  }

  deliver(batch: DeliveredBatch): void {
    this.batches.push(batch);
    for (const run of batch.runs) {
      for (let index = 0; index < run.count; index += 1) {
        const ackId = Buffer.alloc(batch.ackIdLength);
        batch.writeAckId(run.firstSequence + index, ackId, 0);
        const at = run.offset(index);
        this.received.push({
          text: Buffer.from(run.bytes.subarray(at, at + run.length(index))).toString(),
          messageId: run.firstMessageId + index,
          publishTimeMs: run.publishTimeMs,
          ackId: ackId.toString("latin1"),
        });
      }
    }
    if (this.isGreedy) this.ready();
  }

  end(error: PubSubError): void {
    this.error = error;
  }

  ready(): void {
    this.puller?.ready(this.maxMessages, 1024 * 1024);
  }

  texts(): readonly string[] {
    return this.received.map((message) => message.text);
  }

  ackIds(): readonly string[] {
    return this.received.map((message) => message.ackId);
  }
}

export class TestWorld {
  readonly clock: ManualClock;
  readonly storage: FaultyStorage;
  readonly failures: Error[] = [];
  engine!: Engine;
  #starts = 0;
  #random = 0;

  private constructor(clock: ManualClock, storage: FaultyStorage) {
    this.clock = clock;
    this.storage = storage;
  }

  /** An engine with the topic and the subscription. */
  static async open(options: Partial<EngineOptions> = {}): Promise<TestWorld> {
    const clock = new ManualClock();
    const storage = new FaultyStorage(openMemoryStorage({ monotonicMs: () => clock.monotonicMs() }));
    const world = new TestWorld(clock, storage);
    await world.start(options);
    await world.engine.createTopic({ name: TOPIC, labels: {} });
    await world.engine.createSubscription(subscriptionSettings());
    return world;
  }

  /** A start of the server on what is stored: after `engine.close()` a clean one, else as after a kill. */
  async start(options: Partial<EngineOptions> = {}): Promise<void> {
    this.#starts += 1;
    this.engine = await Engine.open({
      storage: this.storage,
      clock: this.clock,
      random: () => {
        this.#random = (this.#random * 1_103_515_245 + 12_345) % 2 ** 31;
        return this.#random / 2 ** 31;
      },
      identity: "test",
      startNumber: this.#starts,
      onFatal: (error) => this.failures.push(error),
      ...options,
    });
  }

  publish(...texts: string[]): Promise<number> {
    return this.engine.publish(TOPIC, batchOf(texts));
  }

  /** Opens a puller and asks for its first batch; what is there comes at once or with `settle`. */
  pull(
    puller = new RecordingPuller(),
    options: Partial<PullerOptions> = {},
    subscription = SUBSCRIPTION,
  ): RecordingPuller {
    puller.puller = this.engine.openPuller(
      subscription,
      {
        maxOutstandingMessages: Number.POSITIVE_INFINITY,
        maxOutstandingBytes: Number.POSITIVE_INFINITY,
        leaseMs: undefined,
        isOnce: false,
        isPush: false,
        clientId: "",
        ...options,
      },
      puller,
    );
    puller.ready();
    return puller;
  }

  settle(): Promise<void> {
    return this.engine.quiesce();
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs, () => this.engine.quiesce());
  }
}

export function subscriptionSettings(change: Partial<SubscriptionSettings> = {}): SubscriptionSettings {
  return {
    name: SUBSCRIPTION,
    topic: TOPIC,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 604_800, nanos: 0 },
    expirationTtl: { seconds: 2_678_400, nanos: 0 },
    ...change,
  };
}
