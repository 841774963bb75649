/**
 * The records of an ack log, in bytes.
 *
 *     version, kind, then sections: tag, length in bytes, content
 *
 * A Step says what changed, a Checkpoint replaces everything before it. A section whose tag is not known is an error: it
 * was written by a newer server, and to skip it would undo what it promised. Tags are never used twice; those to come
 * are attempts and not-before (nacks and expiries), grants (exactly-once), seek marks and void generations.
 */
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import type { Cursor } from "./cursor.js";
import type { Generation } from "./events.js";
import type { LeaseTable } from "./lease-table.js";
import type { RunList } from "./run-list.js";

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

/** What a reader of records is told, in the order of the record. */
export interface AckRecordVisitor {
  onStep(): void;
  onCheckpoint(): void;
  /** Everything at or below is settled. */
  onFloor(floor: number): void;
  onGeneration(generation: Generation): void;
  onAcked(first: number, last: number): void;
  onLease(sequence: number, generation: Generation, leaseMs: number): void;
}

/** @param floor - Everything at or below is settled; 0 where no record needs to say so. */
export function encodeStep(acked: RunList, generation: Generation, floor: number): Uint8Array {
  const record = begin(KIND_STEP);
  const content = new ByteWriter();
  if (floor > 0) {
    content.varint(floor);
    addSection(record, TAG_FLOOR, content);
    content.clear();
  }
  content.varint(generation);
  addSection(record, TAG_GENERATION, content);
  addAcked(record, floor, acked.runCount, (visit) => acked.forEach(visit));
  return record.copy();
}

/** @param leases - Undefined to leave the leases out. Those due at `nowMs` are left out in any case. */
export function encodeCheckpoint(
  cursor: Cursor,
  generation: Generation,
  leases: LeaseTable | undefined,
  nowMs: number,
): Uint8Array {
  const record = begin(KIND_CHECKPOINT);
  const content = new ByteWriter();
  content.varint(cursor.floor);
  addSection(record, TAG_FLOOR, content);
  content.clear();
  content.varint(generation);
  addSection(record, TAG_GENERATION, content);
  addAcked(record, cursor.floor, cursor.runCount, (visit) => cursor.forEachRun(visit));
  if (leases !== undefined) addLeases(record, cursor, leases, generation, nowMs);
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
    } else if (tag === TAG_ACKED) readAcked(section, floor, visitor);
    else if (tag === TAG_LEASES && kind === KIND_CHECKPOINT) readLeases(section, floor, generation, visitor);
    else throw new Error(`ack log record has a section of unknown tag ${tag}; was it written by a newer server?`);
    if (!section.isAtEnd) throw new Error(`ack log record has bytes behind the content of section ${tag}`);
  }
}

function begin(kind: number): ByteWriter {
  const record = new ByteWriter();
  record.byte(VERSION);
  record.byte(kind);
  return record;
}

function addSection(record: ByteWriter, tag: number, content: ByteWriter): void {
  record.varint(tag);
  record.varint(content.length);
  record.append(content.view());
}

function addAcked(
  record: ByteWriter,
  floor: number,
  count: number,
  forEach: (visit: (first: number, last: number) => void) => void,
): void {
  if (count === 0) return;
  const content = new ByteWriter();
  content.varint(count);
  let previous = floor;
  forEach((first, last) => {
    content.varint(first - previous);
    content.varint(last - first);
    previous = last;
  });
  addSection(record, TAG_ACKED, content);
}

function readAcked(section: ByteReader, floor: number, visitor: AckRecordVisitor): void {
  let previous = floor;
  for (let left = section.varint(); left > 0; left -= 1) {
    const first = previous + section.varint();
    const last = first + section.varint();
    visitor.onAcked(first, last);
    previous = last;
  }
}

function addLeases(record: ByteWriter, cursor: Cursor, leases: LeaseTable, latest: Generation, nowMs: number): void {
  const sequences: number[] = [];
  leases.forEachLeased((slot) => {
    const sequence = leases.sequence(slot);
    if (leases.deadlineAtMs(slot) > nowMs && !cursor.has(sequence)) sequences.push(sequence);
  });
  if (sequences.length === 0) return;
  const content = new ByteWriter();
  content.varint(sequences.length);
  let previous = cursor.floor;
  for (const sequence of Float64Array.from(sequences).sort()) {
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
