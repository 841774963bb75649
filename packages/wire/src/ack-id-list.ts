// The ack ids of a request, as places in its bytes: checking or counting them makes no strings.
import { isAscii } from "node:buffer";
import { asBuffer, assertUtf8, readText } from "./utf8-text.js";
import type { WireReader } from "./wire-reader.js";

/** Ack ids that lie in a request's bytes, in the order given, duplicates included. */
export class AckIdList {
  count = 0;
  /** Where each ack id lies in `bytes`. */
  readonly offsets: number[] = [];
  readonly lengths: number[] = [];

  constructor(readonly bytes: Uint8Array) {}

  /** One ack id as text. */
  text(index: number): string {
    return readText(this.bytes, this.offsets[index] ?? 0, this.lengths[index] ?? 0);
  }

  /**
   * All ack ids as text. Where all are ASCII (ours are) they share one string that is decoded once: keep none of them for long,
   * or copy it.
   */
  texts(): string[] {
    const { bytes, count, offsets, lengths } = this;
    if (count === 0) return [];
    const start = offsets[0]!;
    const end = offsets[count - 1]! + lengths[count - 1]!;
    const texts = new Array<string>(count);
    if (isAscii(bytes.subarray(start, end))) {
      const all = asBuffer(bytes).toString("latin1", start, end);
      for (let index = 0; index < count; index += 1) {
        const from = offsets[index]! - start;
        texts[index] = all.substring(from, from + lengths[index]!);
      }
    } else {
      for (let index = 0; index < count; index += 1) texts[index] = this.text(index);
    }
    return texts;
  }

  /** Takes up the string field whose tag `reader` has just read. */
  add(reader: WireReader, end: number): void {
    const length = reader.length(end);
    this.offsets.push(reader.position);
    this.lengths.push(length);
    this.count += 1;
    reader.position += length;
  }

  /** Throws WireFormatError unless every ack id is valid UTF-8, as proto3 demands of strings. */
  assertText(): void {
    const { bytes, count, offsets, lengths } = this;
    if (count === 0) return;
    // One native call over everything between the first and the last: mostly that is all there is to do.
    if (isAscii(bytes.subarray(offsets[0]!, offsets[count - 1]! + lengths[count - 1]!))) return;
    for (let index = 0; index < count; index += 1) assertUtf8(bytes, offsets[index]!, lengths[index]!);
  }
}
