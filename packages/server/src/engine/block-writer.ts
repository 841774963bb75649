/** Packs publish requests into one block: the only copy the engine makes of a payload. */
import {
  BLOCK_ATTRIBUTE_BYTES,
  BLOCK_FIELD,
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  BLOCK_PLACE_BYTES,
  Block,
} from "./block.js";
import type { PublishBatch } from "./engine-contract.js";

/**
 * Most bytes per message that may lie between the messages of a request (tags and lengths, a field or two) for the
 * request to be copied in one stroke. Beyond it each message is copied alone, so that no junk is stored.
 */
const MAX_GAP_BYTES = 16;
const TWO_32 = 2 ** 32;

interface Shape {
  readonly count: number;
  readonly attributeCount: number;
  readonly hasKeys: boolean;
  readonly dataBytes: number;
}

/**
 * Lays out the block of `batches`, in their order.
 *
 * @param batches - At least one, each of at least one message. Not kept.
 * @param firstMessageId - A safe integer; the other messages' ids follow it.
 * @param publishTimeMs - Milliseconds since 1970, the same for all.
 * @throws RangeError where a place lies outside its message: a bug in the caller.
 */
export function packBlock(batches: readonly PublishBatch[], firstMessageId: number, publishTimeMs: number): Uint8Array {
  const shape = shapeOf(batches);
  const keysAt = BLOCK_HEADER_BYTES + shape.count * BLOCK_PLACE_BYTES;
  const attributesAt = keysAt + (shape.hasKeys ? shape.count * BLOCK_PLACE_BYTES : 0);
  const dataAt =
    attributesAt +
    (shape.attributeCount > 0 ? (shape.count + 1) * 4 + shape.attributeCount * BLOCK_ATTRIBUTE_BYTES : 0);
  const bytes = Buffer.allocUnsafe(dataAt + shape.dataBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(BLOCK_FIELD.magic, BLOCK_MAGIC, true);
  view.setUint32(BLOCK_FIELD.count, shape.count, true);
  setSplit(view, BLOCK_FIELD.idLow, firstMessageId);
  setSplit(view, BLOCK_FIELD.timeLow, publishTimeMs);
  view.setUint32(BLOCK_FIELD.keysAt, shape.hasKeys ? keysAt : 0, true);
  view.setUint32(BLOCK_FIELD.attributesAt, shape.attributeCount > 0 ? attributesAt : 0, true);
  view.setUint32(BLOCK_FIELD.dataAt, dataAt, true);
  view.setUint32(BLOCK_FIELD.totalBytes, bytes.byteLength, true);
  const writer = new BatchWriter(bytes, view, shape, keysAt, attributesAt, dataAt);
  for (const batch of batches) writer.add(batch);
  return bytes;
}

/**
 * A block of its own for a few messages of another one, without keys and attributes: what is kept of a block that was
 * read for their sake.
 */
export function extractBlock(block: Block, first: number, count: number): Block {
  const skip = first - block.first;
  const offsets: number[] = [];
  const lengths: number[] = [];
  for (let index = skip; index < skip + count; index += 1) {
    offsets.push(block.offset(index));
    lengths.push(block.sizeBytes(index));
  }
  const none = new Uint8Array(count);
  const batch: PublishBatch = {
    bytes: block.bytes,
    count,
    offsets,
    lengths,
    keyOffsets: none,
    keyLengths: none,
    attributes: none.subarray(0, 0),
    attributeCounts: none,
  };
  return new Block(first, packBlock([batch], block.firstMessageId + skip, block.publishTimeMs));
}

function setSplit(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

function shapeOf(batches: readonly PublishBatch[]): Shape {
  let count = 0;
  let attributeCount = 0;
  let hasKeys = false;
  let dataBytes = 0;
  for (const batch of batches) {
    if (batch.count < 1) throw new RangeError(`a batch has ${batch.count} messages; it must have one`);
    count += batch.count;
    attributeCount += batch.attributes.length / 4;
    dataBytes += copiedBytes(batch);
    for (let index = 0; !hasKeys && index < batch.count; index += 1) hasKeys = batch.keyLengths[index] !== 0;
  }
  return { count, attributeCount, hasKeys, dataBytes };
}

function messageBytes(batch: PublishBatch): number {
  let sum = 0;
  for (let index = 0; index < batch.count; index += 1) sum += batch.lengths[index]!;
  return sum;
}

/** The stretch from the first message to the end of the last one. */
function spanBytes(batch: PublishBatch): number {
  return batch.offsets[batch.count - 1]! + batch.lengths[batch.count - 1]! - batch.offsets[0]!;
}

function copiedBytes(batch: PublishBatch): number {
  const sum = messageBytes(batch);
  const span = spanBytes(batch);
  return span >= sum && span <= sum + batch.count * MAX_GAP_BYTES ? span : sum;
}

/** Appends requests to a block whose sections are already sized. */
class BatchWriter {
  #message = 0;
  #attribute = 0;
  #end: number;
  readonly #entriesAt: number;

  constructor(
    readonly bytes: Uint8Array,
    readonly view: DataView,
    readonly shape: Shape,
    readonly keysAt: number,
    readonly attributesAt: number,
    dataAt: number,
  ) {
    this.#end = dataAt;
    this.#entriesAt = attributesAt + (shape.count + 1) * 4;
    if (shape.attributeCount > 0) view.setUint32(attributesAt, 0, true);
  }

  add(batch: PublishBatch): void {
    const start = batch.offsets[0]!;
    const span = spanBytes(batch);
    if (start + span > batch.bytes.byteLength) {
      throw new RangeError(`the last message ends at ${start + span} of ${batch.bytes.byteLength} bytes`);
    }
    const isOneStroke = copiedBytes(batch) === span;
    if (isOneStroke) this.bytes.set(batch.bytes.subarray(start, start + span), this.#end);
    let at = this.#end;
    let attribute = 0;
    for (let index = 0; index < batch.count; index += 1) {
      const offset = batch.offsets[index]!;
      const length = batch.lengths[index]!;
      if (isOneStroke) at = this.#end + offset - start;
      else this.bytes.set(batch.bytes.subarray(offset, offset + length), at);
      if (at < this.#end || at + length > this.bytes.byteLength || offset + length > batch.bytes.byteLength) {
        throw new RangeError(`message ${index} of ${length} bytes at ${offset} is not in order`);
      }
      const place = BLOCK_HEADER_BYTES + this.#message * BLOCK_PLACE_BYTES;
      this.view.setUint32(place, at, true);
      this.view.setUint32(place + 4, length, true);
      const shift = at - offset;
      if (this.shape.hasKeys) {
        const keyPlace = this.keysAt + this.#message * BLOCK_PLACE_BYTES;
        this.#setText(keyPlace, batch.keyOffsets[index]!, batch.keyLengths[index]!, offset, length, shift);
      }
      if (this.shape.attributeCount > 0) {
        const end = attribute + batch.attributeCounts[index]!;
        for (; attribute < end; attribute += 1) this.#addAttribute(batch, attribute, offset, length, shift);
        this.view.setUint32(this.attributesAt + (this.#message + 1) * 4, this.#attribute, true);
      }
      this.#message += 1;
      if (!isOneStroke) at += length;
    }
    this.#end = isOneStroke ? this.#end + span : at;
  }

  #addAttribute(batch: PublishBatch, attribute: number, offset: number, length: number, shift: number): void {
    const place = this.#entriesAt + this.#attribute * BLOCK_ATTRIBUTE_BYTES;
    const from = attribute * 4;
    this.#setText(place, batch.attributes[from]!, batch.attributes[from + 1]!, offset, length, shift);
    this.#setText(place + 8, batch.attributes[from + 2]!, batch.attributes[from + 3]!, offset, length, shift);
    this.#attribute += 1;
  }

  #setText(place: number, at: number, length: number, message: number, messageLength: number, shift: number): void {
    if (length > 0 && (at < message || at + length > message + messageLength)) {
      throw new RangeError(`a text of ${length} bytes at ${at} lies outside its message at ${message}`);
    }
    this.view.setUint32(place, length > 0 ? at + shift : 0, true);
    this.view.setUint32(place + 4, length, true);
  }
}
