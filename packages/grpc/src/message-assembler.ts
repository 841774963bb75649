import { PREFIX_BYTES } from "./message-frame.js";

export interface AssemblerListener {
  /** A whole message, as it came. The bytes are the listener's. */
  onMessage(data: Buffer, isCompressed: boolean): void;
  /**
   * A message has begun that does not lie whole in its chunk. False: there is no memory for it now; the rest is held until
   * `resume`.
   */
  onBegin?(lengthBytes: number): boolean;
  /** A length beyond the limit was declared; nothing of that message is kept, and nothing more is reported. */
  onTooLarge(lengthBytes: number): void;
  /** A prefix that gRPC does not allow; nothing more is reported. */
  onMalformed(reason: string): void;
}

/**
 * Puts gRPC messages together from DATA chunks.
 *
 * A message that lies whole in one chunk is a view of it; any other is copied once, into a buffer of its declared
 * length. The length is checked before a byte of the message is kept.
 */
export class MessageAssembler {
  readonly #limitBytes: number;
  readonly #listener: AssemblerListener;
  readonly #prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  #prefixFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  #isCompressed = false;
  #isStopped = false;
  /** What waits for `resume`: the length of the message that has begun, and the bytes behind its prefix. */
  #held: { readonly lengthBytes: number; chunks: Buffer[] } | undefined;

  constructor(limitBytes: number, listener: AssemblerListener) {
    this.#limitBytes = limitBytes;
    this.#listener = listener;
  }

  /** Bytes of a message that has begun and is not whole; 0 between messages. */
  get heldBytes(): number {
    return this.#body?.length ?? 0;
  }

  /** Whether bytes of an unfinished message are held: at the end of a stream that is an error. */
  get isWithinMessage(): boolean {
    return this.#prefixFilled > 0 || this.#body !== undefined || this.#held !== undefined;
  }

  /** Whether a message waits for `resume`. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Lets go of what is held and reports nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#body = undefined;
    this.#held = undefined;
  }

  /** There is memory for the message that `onBegin` refused. */
  resume(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#body = Buffer.allocUnsafeSlow(held.lengthBytes);
    this.#bodyFilled = 0;
    for (const chunk of held.chunks) this.push(chunk);
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#held !== undefined) {
        this.#held.chunks.push(chunk.subarray(at));
        return;
      }
      at = this.#body === undefined ? this.#readPrefix(chunk, at) : this.#readBody(chunk, at);
    }
  }

  #readPrefix(chunk: Buffer, from: number): number {
    let prefix = chunk;
    let prefixAt = from;
    let at = from + PREFIX_BYTES;
    if (this.#prefixFilled > 0 || at > chunk.length) {
      const take = Math.min(PREFIX_BYTES - this.#prefixFilled, chunk.length - from);
      chunk.copy(this.#prefix, this.#prefixFilled, from, from + take);
      this.#prefixFilled += take;
      at = from + take;
      if (this.#prefixFilled < PREFIX_BYTES) return at;
      prefix = this.#prefix;
      prefixAt = 0;
    }
    this.#prefixFilled = 0;
    const flag = prefix[prefixAt]!;
    const length = prefix.readUInt32BE(prefixAt + 1);
    if (flag > 1) {
      this.stop();
      this.#listener.onMalformed(`the compression flag of a message is ${flag}; use 0 or 1`);
      return chunk.length;
    }
    if (length > this.#limitBytes) {
      this.stop();
      this.#listener.onTooLarge(length);
      return chunk.length;
    }
    return this.#beginBody(chunk, at, length, flag === 1);
  }

  #beginBody(chunk: Buffer, at: number, length: number, isCompressed: boolean): number {
    if (chunk.length - at >= length) {
      this.#listener.onMessage(chunk.subarray(at, at + length), isCompressed);
      return at + length;
    }
    this.#isCompressed = isCompressed;
    if (this.#listener.onBegin?.(length) === false) {
      this.#held = { lengthBytes: length, chunks: [] };
      return at;
    }
    this.#body = Buffer.allocUnsafeSlow(length);
    this.#bodyFilled = 0;
    return at;
  }

  #readBody(chunk: Buffer, from: number): number {
    const body = this.#body!;
    const take = Math.min(body.length - this.#bodyFilled, chunk.length - from);
    chunk.copy(body, this.#bodyFilled, from, from + take);
    this.#bodyFilled += take;
    if (this.#bodyFilled === body.length) {
      this.#body = undefined;
      this.#listener.onMessage(body, this.#isCompressed);
    }
    return from + take;
  }
}
