/**
 * The records of an ack log, in bytes.
 *
 *     version, kind, then sections: tag, length in bytes, content
 *
 * A Step says what changed, a Checkpoint replaces everything before it. A section whose tag is not known is an error: it
 * was written by a newer server, and to skip it would undo what it promised. Tags are never used twice.
 */
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import type { Cursor } from "./cursor.js";
import type { Generation } from "./events.js";
import type { LeaseTable } from "./lease-table.js";
import type { RunList } from "./run-list.js";
import type { SubscriptionParts } from "./subscription-parts.js";

const VERSION = 1;
const KIND_STEP = 1;
const KIND_CHECKPOINT = 2;

/** The latest generation given: a later start begins above it. */
const TAG_GENERATION = 1;
/** The low watermark of a Checkpoint; in a Step, a floor that retention has moved and an ack relies on. */
const TAG_FLOOR = 2;
/** Acked runs: count, then per run its distance from the end of the one before (or the floor), and its length less one. */
const TAG_ACKED = 3;
/** Leases by sequence: count, then per lease distance from the one before, age of the generation, length in ms. */
const TAG_LEASES = 4;
/** Leases that hold whatever happens, in runs: count, then distance, length less one, age of the generation, length in ms. */
const TAG_GRANTS = 5;
/** Such leases that have ended: runs, written like acked ones. */
const TAG_ENDED = 6;
/** Failed deliveries by sequence: count, then per message distance from the one before, failures, delay in ms (0: none). */
const TAG_FAILURES = 7;
/** Ids of this generation and below settle nothing. */
const TAG_VOID = 8;
/** Messages published before this wall-clock time, in ms, count as acked. */
const TAG_DISCARD = 9;

/** What a reader of records is told, in the order of the record. */
export interface AckRecordVisitor {
  onStep(): void;
  onCheckpoint(): void;
  /** Everything at or below is settled. */
  onFloor(floor: number): void;
  onGeneration(generation: Generation): void;
  onAcked(first: number, last: number): void;
  onLease(sequence: number, generation: Generation, leaseMs: number): void;
  onGrant(first: number, last: number, generation: Generation, leaseMs: number): void;
  onGrantEnded(first: number, last: number): void;
  onFailures(sequence: number, failures: number, delayMs: number): void;
  onVoid(generation: Generation): void;
  onDiscardBefore(timeMs: number): void;
}

type Runs = (visit: (first: number, last: number) => void) => void;

/** What a record tells besides its kind. */
export interface RecordContent {
  /** Everything at or below is settled; 0 where no record needs to say so. */
  readonly floor: number;
  readonly generation: Generation;
  readonly acked: RunList | Cursor;
  readonly voidGeneration?: Generation;
  readonly discardBeforeMs?: number;
}

/** A record without leases and failures. */
export function encodeState(kind: "step" | "checkpoint", content: RecordContent): Uint8Array {
  return begin(kind, content).copy();
}

/** What has changed, as one record. */
export function encodeStep(parts: SubscriptionParts, generation: Generation, floor: number): Uint8Array {
  const { unrecorded, leases, rules } = parts;
  const record = begin("step", { floor, generation, acked: unrecorded.acked });
  // Before the leases that hold: it may be on again.
  if (unrecorded.areLeasesOver) addRuns(record, TAG_ENDED, 0, 1, (visit) => visit(1, Number.MAX_SAFE_INTEGER));
  if (rules.isExactlyOnce && unrecorded.leases.runCount > 0) addChangedLeases(record, parts, generation);
  const failed: number[] = [];
  unrecorded.failed.forEach((first, last) => {
    for (let sequence = first; sequence <= last; sequence += 1) {
      if (leases.find(sequence) !== -1) failed.push(sequence);
    }
  });
  addFailures(record, leases, failed);
  return record.copy();
}

/**
 * Everything, as one record.
 *
 * @param includeLeases - On a clean stop, leases that no Step tells come along, but for those due at `nowMs`.
 */
export function encodeCheckpoint(
  parts: SubscriptionParts,
  state: { readonly generation: Generation; readonly discardBeforeMs: number },
  includeLeases: boolean,
  nowMs: number,
): Uint8Array {
  const { cursor, leases, rules, voidGeneration } = parts;
  const { generation, discardBeforeMs } = state;
  const content = { floor: cursor.floor, generation, acked: cursor, voidGeneration, discardBeforeMs };
  const record = begin("checkpoint", content);
  if (rules.isExactlyOnce) addGrants(record, leases, generation, leasedSequences(parts, Number.NEGATIVE_INFINITY));
  else if (includeLeases) addLeases(record, parts, generation, nowMs);
  const failed: number[] = [];
  leases.forEachFailed((slot) => failed.push(leases.sequence(slot)));
  leases.forEachDelayed((slot) => {
    if (leases.failures(slot) === 0) failed.push(leases.sequence(slot));
  });
  addFailures(record, leases, Float64Array.from(failed).sort());
  return record.copy();
}

/** @throws Error that says which record part is missing, unknown or cut short. */
export function readAckRecord(bytes: Uint8Array, visitor: AckRecordVisitor): void {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION)
    throw new Error(`ack log record has format version ${version}; this server reads ${VERSION}`);
  const kind = reader.byte();
  if (kind !== KIND_STEP && kind !== KIND_CHECKPOINT) throw new Error(`ack log record is of unknown kind ${kind}`);
  if (kind === KIND_STEP) visitor.onStep();
  else visitor.onCheckpoint();
  let floor = 0;
  let generation = 0;
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const section = reader.section(reader.varint());
    if (tag === TAG_FLOOR) {
      floor = section.varint();
      visitor.onFloor(floor);
    } else if (tag === TAG_GENERATION) {
      generation = section.varint();
      visitor.onGeneration(generation);
    } else if (tag === TAG_ACKED) readRuns(section, floor, (first, last) => visitor.onAcked(first, last));
    else if (tag === TAG_LEASES && kind === KIND_CHECKPOINT) readLeases(section, floor, generation, visitor);
    else if (tag === TAG_GRANTS) readGrants(section, generation, visitor);
    else if (tag === TAG_ENDED) readRuns(section, 0, (first, last) => visitor.onGrantEnded(first, last));
    else if (tag === TAG_FAILURES) readFailures(section, visitor);
    else if (tag === TAG_VOID) visitor.onVoid(section.varint());
    else if (tag === TAG_DISCARD) visitor.onDiscardBefore(section.varint());
    else throw new Error(`ack log record has a section of unknown tag ${tag}; was it written by a newer server?`);
    if (!section.isAtEnd) throw new Error(`ack log record has bytes behind the content of section ${tag}`);
  }
}

function begin(kind: "step" | "checkpoint", content: RecordContent): ByteWriter {
  const { floor, generation, acked, voidGeneration = 0, discardBeforeMs = 0 } = content;
  const record = new ByteWriter();
  record.byte(VERSION);
  record.byte(kind === "step" ? KIND_STEP : KIND_CHECKPOINT);
  if (kind === "checkpoint" || floor > 0) addNumber(record, TAG_FLOOR, floor);
  addNumber(record, TAG_GENERATION, generation);
  addRuns(record, TAG_ACKED, floor, acked.runCount, (visit) => acked.forEach(visit));
  if (voidGeneration > 0) addNumber(record, TAG_VOID, voidGeneration);
  if (discardBeforeMs > 0) addNumber(record, TAG_DISCARD, discardBeforeMs);
  return record;
}

function addSection(record: ByteWriter, tag: number, content: ByteWriter): void {
  record.varint(tag);
  record.varint(content.length);
  record.append(content.view());
}

function addNumber(record: ByteWriter, tag: number, value: number): void {
  const content = new ByteWriter();
  content.varint(value);
  addSection(record, tag, content);
}

function addRuns(record: ByteWriter, tag: number, floor: number, count: number, forEach: Runs): void {
  if (count === 0) return;
  const content = new ByteWriter();
  content.varint(count);
  let previous = floor;
  forEach((first, last) => {
    content.varint(first - previous);
    content.varint(last - first);
    previous = last;
  });
  addSection(record, tag, content);
}

function readRuns(section: ByteReader, floor: number, visit: (first: number, last: number) => void): void {
  let previous = floor;
  for (let left = section.varint(); left > 0; left -= 1) {
    const first = previous + section.varint();
    const last = first + section.varint();
    visit(first, last);
    previous = last;
  }
}

/** Sequences with a lease that lives beyond `nowMs`, rising. */
function leasedSequences({ cursor, leases }: SubscriptionParts, nowMs: number): Float64Array {
  const sequences: number[] = [];
  leases.forEachLeased((slot) => {
    const sequence = leases.sequence(slot);
    if (leases.deadlineAtMs(slot) > nowMs && !cursor.has(sequence)) sequences.push(sequence);
  });
  return Float64Array.from(sequences).sort();
}

function addLeases(record: ByteWriter, parts: SubscriptionParts, latest: Generation, nowMs: number): void {
  const { cursor, leases } = parts;
  const sequences = leasedSequences(parts, nowMs);
  if (sequences.length === 0) return;
  const content = new ByteWriter();
  content.varint(sequences.length);
  let previous = cursor.floor;
  for (const sequence of sequences) {
    const slot = leases.find(sequence);
    content.varint(sequence - previous);
    content.varint(latest - leases.generation(slot));
    content.varint(leases.leaseMs(slot));
    previous = sequence;
  }
  addSection(record, TAG_LEASES, content);
}

function readLeases(section: ByteReader, floor: number, latest: Generation, visitor: AckRecordVisitor): void {
  let sequence = floor;
  for (let left = section.varint(); left > 0; left -= 1) {
    sequence += section.varint();
    const generation = latest - section.varint();
    visitor.onLease(sequence, generation, section.varint());
  }
}

/** Of the messages whose lease has changed: what it is now, or that it has ended. What is settled is told as acked. */
function addChangedLeases(record: ByteWriter, { leases, unrecorded }: SubscriptionParts, latest: Generation): void {
  const leased: number[] = [];
  const ended: [first: number, last: number][] = [];
  unrecorded.leases.forEach((first, last) => {
    for (let sequence = first; sequence <= last; sequence += 1) {
      const slot = leases.find(sequence);
      if (slot !== -1 && leases.isLeased(slot)) leased.push(sequence);
      else if (ended.at(-1)?.[1] === sequence - 1) ended.at(-1)![1] = sequence;
      else ended.push([sequence, sequence]);
    }
  });
  addGrants(record, leases, latest, leased);
  addRuns(record, TAG_ENDED, 0, ended.length, (visit) => {
    for (const [first, last] of ended) visit(first, last);
  });
}

/** @param sequences - Rising; all are out. */
function addGrants(record: ByteWriter, leases: LeaseTable, latest: Generation, sequences: ArrayLike<number>): void {
  if (sequences.length === 0) return;
  const content = new ByteWriter();
  let count = 0;
  let previous = 0;
  for (let at = 0; at < sequences.length; count += 1) {
    const first = sequences[at]!;
    const slot = leases.find(first);
    const generation = leases.generation(slot);
    const leaseMs = leases.leaseMs(slot);
    let length = 1;
    for (; at + length < sequences.length && sequences[at + length] === first + length; length += 1) {
      const next = leases.find(first + length);
      if (leases.generation(next) !== generation || leases.leaseMs(next) !== leaseMs) break;
    }
    content.varint(first - previous);
    content.varint(length - 1);
    content.varint(latest - generation);
    content.varint(leaseMs);
    previous = first + length - 1;
    at += length;
  }
  const section = new ByteWriter();
  section.varint(count);
  section.append(content.view());
  addSection(record, TAG_GRANTS, section);
}

function readGrants(section: ByteReader, latest: Generation, visitor: AckRecordVisitor): void {
  let previous = 0;
  for (let left = section.varint(); left > 0; left -= 1) {
    const first = previous + section.varint();
    previous = first + section.varint();
    const generation = latest - section.varint();
    visitor.onGrant(first, previous, generation, section.varint());
  }
}

/** @param sequences - Rising. */
function addFailures(record: ByteWriter, leases: LeaseTable, sequences: ArrayLike<number>): void {
  if (sequences.length === 0) return;
  const content = new ByteWriter();
  content.varint(sequences.length);
  let previous = 0;
  for (let index = 0; index < sequences.length; index += 1) {
    const sequence = sequences[index]!;
    const slot = leases.find(sequence);
    content.varint(sequence - previous);
    content.varint(leases.failures(slot));
    content.varint(leases.isDelayed(slot) ? leases.leaseMs(slot) : 0);
    previous = sequence;
  }
  addSection(record, TAG_FAILURES, content);
}

function readFailures(section: ByteReader, visitor: AckRecordVisitor): void {
  let sequence = 0;
  for (let left = section.varint(); left > 0; left -= 1) {
    sequence += section.varint();
    const failures = section.varint();
    visitor.onFailures(sequence, failures, section.varint());
  }
}
