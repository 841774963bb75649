import type { BlockView } from "./block-view.js";
import type { Effect, Event, Generation } from "./events.js";
import { type CoreLimits, DEFAULT_LIMITS } from "./limits.js";
import { plainBlock } from "./plain-block.test.support.js";
import { Subscription } from "./subscription.js";

const GENERATIONS_PER_START = 2 ** 32;

/**
 * Plays a transcript: lines that begin with `> ` are commands; what a command brings about follows it, indented. Lines
 * that begin with `#` and empty ones are kept. `play` answers the text as it ought to be.
 *
 *     > published 1-5 size=100 [unseen]     > acked 1-3,5 gen=1.1           > advance 10s
 *     > opened 1 messages=10 bytes=1000     > nacked 4 gen=1.1              > record, > checkpoint [leases]
 *       lease=10s [once] [client=c]         > extended 4 gen=1.1 lease=5s   > killed, > stopped
 *     > ready 1 messages=10 bytes=1000      > dropped 3                     > counts
 *     > closed 1, > returned 1 gen=1.1      > loaded [rest], > loadFailed   > limits holesMax=3
 */
export class Transcript {
  #limits: CoreLimits = DEFAULT_LIMITS;
  #starts = 1;
  #subscription: Subscription;
  #blocks: BlockView[] = [];
  #records: Uint8Array[];
  #head = 0;
  #nowMs = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #load: (Effect & { kind: "load" }) | undefined;
  #output: string[] = [];

  private constructor() {
    this.#subscription = Subscription.create(0, { startNumber: 1, limits: this.#limits });
    this.#records = [this.#subscription.takeCheckpoint(false, 0)];
  }

  static play(text: string): string {
    const transcript = new Transcript();
    for (const line of text.trimEnd().split("\n")) {
      if (line.startsWith("  ")) continue;
      transcript.#output.push(line);
      if (line.startsWith("> ")) transcript.#run(line.slice(2));
    }
    return `${transcript.#output.join("\n")}\n`;
  }

  #run(line: string): void {
    const words = line.split(" ");
    const name = words[0] ?? "";
    const command = new Command(words.slice(1));
    const event = this.#eventOf(name, command);
    if (event !== undefined) this.#step(event);
    else this.#act(name, command);
  }

  #eventOf(name: string, command: Command): Event | undefined {
    switch (name) {
      case "published":
        return this.#publish(command);
      case "loaded":
        return this.#answerLoad(command);
      case "loadFailed":
        return { kind: "loadFailed", after: this.#takeLoad().after };
      case "opened":
        return {
          kind: "opened",
          puller: command.puller(),
          maxOutstandingMessages: command.number("messages", Number.POSITIVE_INFINITY),
          maxOutstandingBytes: command.number("bytes", Number.POSITIVE_INFINITY),
          leaseMs: command.ms("lease"),
          isOnce: command.has("once"),
          isKeyExclusive: command.has("exclusive"),
          clientId: command.text("client") ?? "",
        };
      case "ready":
        return {
          kind: "ready",
          puller: command.puller(),
          maxMessages: command.number("messages", 1_000),
          maxBytes: command.number("bytes", 1_000_000),
        };
      case "leaseLengthChanged":
        return { kind: "leaseLengthChanged", puller: command.puller(), leaseMs: command.ms("lease") };
      case "closed":
        return { kind: "closed", puller: command.puller() };
      case "returned":
        return { kind: "returned", puller: command.puller(), generation: command.generation() };
      case "dropped":
        return { kind: "dropped", floor: command.puller() };
      default:
        return this.#settlementOf(name, command);
    }
  }

  #settlementOf(name: string, command: Command): Event | undefined {
    if (name !== "acked" && name !== "nacked" && name !== "extended") return undefined;
    const sequences = command.sequences();
    const generations = sequences.map(() => command.generation());
    if (name === "acked") return { kind: "acked", request: 0, sequences, generations };
    const leaseMs = name === "nacked" ? 0 : command.ms("lease");
    return { kind: "modified", request: 0, sequences, generations, leaseMs: sequences.map(() => leaseMs) };
  }

  #act(name: string, command: Command): void {
    if (name === "advance") this.#advanceTo(this.#nowMs + command.ms(undefined));
    else if (name === "record") {
      const record = this.#subscription.takeStep();
      if (record !== undefined) this.#records.push(record);
      this.#say(
        record === undefined
          ? "nothing to write"
          : `record of ${record.length} bytes, floor ${this.#subscription.floor}`,
      );
    } else if (name === "checkpoint") this.#takeCheckpoint(command.has("leases"));
    else if (name === "killed") this.#restart();
    else if (name === "stopped") {
      this.#takeCheckpoint(true);
      this.#restart();
    } else if (name === "counts") this.#sayCounts();
    else if (name === "limits") {
      this.#limits = { ...DEFAULT_LIMITS, ...command.numbers() };
      this.#subscription = Subscription.create(0, { startNumber: this.#starts, limits: this.#limits });
    } else throw new Error(`unknown command ${name}`);
  }

  #publish(command: Command): Event {
    const sequences = command.sequences();
    const block = plainBlock(
      sequences[0] ?? 0,
      sequences.map(() => command.number("size", 100)),
    );
    this.#blocks.push(block);
    this.#head = block.first + block.count - 1;
    return command.has("unseen")
      ? { kind: "appended", head: this.#head }
      : { kind: "appended", head: this.#head, block };
  }

  /** `rest`: everything there is; else one block. */
  #answerLoad(command: Command): Event {
    const { after } = this.#takeLoad();
    const rest = this.#blocks.filter((block) => block.first + block.count - 1 > after);
    const blocks = command.has("rest") ? rest : rest.slice(0, 1);
    return { kind: "loaded", after, blocks, isEnd: blocks.length === rest.length };
  }

  #takeLoad(): Effect & { kind: "load" } {
    const load = this.#load;
    if (load === undefined) throw new Error("no load was asked for");
    this.#load = undefined;
    return load;
  }

  #advanceTo(atMs: number): void {
    while (this.#wakeAtMs <= atMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#say(`ticked at ${this.#nowMs} ms`);
      this.#step({ kind: "ticked" });
    }
    this.#nowMs = atMs;
  }

  #takeCheckpoint(includeLeases: boolean): void {
    const record = this.#subscription.takeCheckpoint(includeLeases, this.#nowMs);
    this.#records = [record];
    this.#say(`checkpoint of ${record.length} bytes, floor ${this.#subscription.floor}`);
  }

  #restart(): void {
    this.#starts += 1;
    this.#load = undefined;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const options = { startNumber: this.#starts, limits: this.#limits };
    this.#subscription = Subscription.restore(this.#records, this.#head, options, this.#nowMs);
    this.#step({ kind: "ticked" });
  }

  #step(event: Event): void {
    for (const effect of this.#subscription.step(event, { nowMs: this.#nowMs, random: () => 0 })) {
      if (effect.kind === "load") this.#load = effect;
      if (effect.kind === "wake") this.#wakeAtMs = effect.atMs;
      this.#say(describe(effect));
    }
  }

  #sayCounts(): void {
    const { counts } = this.#subscription;
    const shown = Object.entries(counts).filter(([, value]) => value !== 0 && value !== false && value !== undefined);
    this.#say(`floor ${this.#subscription.floor}, ${shown.map(([name, value]) => `${name} ${value}`).join(", ")}`);
  }

  #say(text: string): void {
    this.#output.push(`  ${text}`);
  }
}

/** The words behind a command's name: some bare, some `key=value`. */
class Command {
  readonly #bare: string[] = [];
  readonly #values = new Map<string, string>();

  constructor(words: readonly string[]) {
    for (const word of words) {
      const [key = "", value] = word.split("=");
      if (value === undefined) this.#bare.push(word);
      else this.#values.set(key, value);
    }
  }

  has(word: string): boolean {
    return this.#bare.includes(word);
  }

  puller(): number {
    return Number(this.#bare[0]);
  }

  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  number(key: string, otherwise: number): number {
    const text = this.#values.get(key);
    return text === undefined ? otherwise : Number(text);
  }

  numbers(): Record<string, number> {
    return Object.fromEntries([...this.#values].map(([key, text]) => [key, Number(text)]));
  }

  /** A span as `10s` or `500ms`. Without a key it is the first bare word. */
  ms(key: string | undefined): number {
    const text = key === undefined ? this.#bare[0] : this.#values.get(key);
    const [, amount, unit] = /^(\d+)(ms|s)$/.exec(text ?? "") ?? [];
    if (amount === undefined) throw new Error(`${text} is no span; write 10s or 500ms`);
    return Number(amount) * (unit === "s" ? 1_000 : 1);
  }

  generation(): Generation {
    const [start, counter] = (this.#values.get("gen") ?? "").split(".");
    return Number(start) * GENERATIONS_PER_START + Number(counter);
  }

  /** The first bare word: `1-3,5`. */
  sequences(): number[] {
    return (this.#bare[0] ?? "").split(",").flatMap((run) => {
      const [first = "", last = first] = run.split("-");
      return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
    });
  }
}

function describe(effect: Effect): string {
  switch (effect.kind) {
    case "persist":
      return "persist";
    case "wake":
      return `wake at ${effect.atMs} ms`;
    case "load":
      return `load after ${effect.after}`;
    case "deliver": {
      const start = Math.floor(effect.generation / GENERATIONS_PER_START);
      const counter = effect.generation % GENERATIONS_PER_START;
      const runs = effect.runs.map((run) => {
        const span = run.count === 1 ? `${run.first}` : `${run.first}-${run.first + run.count - 1}`;
        return run.block === undefined ? `${span} again` : span;
      });
      const held = effect.isHeld ? ", held" : "";
      return `deliver to ${effect.puller}, gen ${start}.${counter}: ${runs.join(", ")}${held}`;
    }
    case "outcome": {
      const failed = effect.indexes.map((index, place) => `${index} ${effect.reasons[place]}`);
      return `outcome of ${effect.request}: ${failed.length === 0 ? "all" : failed.join(", ")}`;
    }
    case "deadLetter":
      return `dead letter ${effect.sequences.join(", ")}`;
  }
}
