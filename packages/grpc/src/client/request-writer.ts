import type { ClientHttp2Stream } from "node:http2";
import { deflateMessage } from "../encoding.js";
import { frameMessage } from "../message-frame.js";
import type { MessageCompression } from "./client-options.js";

/** Sent bytes that are kept, until the server answers, so that a refused call can start again. */
const REPLAY_BYTES_MAX = 1024 * 1024;
/** A smaller message goes as it is: compressing it gains nothing. */
const COMPRESS_BYTES_MIN = 1024;
const DONE = Promise.resolve();

export interface WriterListener {
  /** There is room again. */
  onDrain(): void;
  /** A message could not be compressed; nothing follows it. */
  onError(cause: unknown): void;
}

/** What a call sends: in order, compressed where that is asked for, and again from the start when a server refused it unread. */
export class RequestWriter {
  readonly #compression: MessageCompression | undefined;
  readonly #listener: WriterListener;
  #stream: ClientHttp2Stream | undefined;
  /** What was sent, until the server answers or it grows too large. */
  #replay: Buffer[] | undefined = [];
  #replayBytes = 0;
  #isHalfClosed = false;
  #isStopped = false;
  /** Messages that are being compressed, or wait for one that is. */
  #compressingCount = 0;
  /** When all messages so far are compressed and written. */
  #compressed: Promise<void> = DONE;

  constructor(compression: MessageCompression | undefined, listener: WriterListener) {
    this.#compression = compression;
    this.#listener = listener;
  }

  /** Whether all that was sent is still here. */
  get canReplay(): boolean {
    return this.#replay !== undefined;
  }

  /** @returns False while there is no stream, or it does not keep up: wait for `onDrain`. */
  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.#isStopped || this.#isHalfClosed) return true;
    if (this.#compression === undefined) return this.#write(frameMessage(message));
    const isSmall = lengthOf(message) < COMPRESS_BYTES_MIN;
    if (isSmall && !this.#isCompressing) return this.#write(frameMessage(message));
    this.#compress(message, isSmall ? undefined : this.#compression);
    return false;
  }

  halfClose(): void {
    if (this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    if (!this.#isCompressing) this.#stream?.end();
  }

  /** Sends all there is so far on a stream that has just begun. */
  start(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.on("drain", () => this.#listener.onDrain());
    const kept = this.#replay ?? [];
    const isWhole = this.#isHalfClosed && !this.#isCompressing;
    if (isWhole && kept.length === 1) {
      stream.end(kept[0]);
      return;
    }
    const hasRoom = kept.length === 0 || writeChunks(stream, kept);
    if (this.#replayBytes > REPLAY_BYTES_MAX) this.#replay = undefined;
    if (isWhole) stream.end();
    else if (hasRoom && kept.length > 0) this.#listener.onDrain();
  }

  /** The server has answered: the call cannot start again. */
  forgetSent(): void {
    this.#replay = undefined;
  }

  /** Ends what is open; a server that answers before it has heard all must not be talked to for ever. */
  letGo(): void {
    if (this.#stream !== undefined && !this.#stream.writableEnded) this.#stream.end();
    this.#stream = undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#replay = undefined;
    this.letGo();
  }

  #compress(message: Uint8Array | readonly Uint8Array[], compression: MessageCompression | undefined): void {
    this.#compressingCount += 1;
    this.#compressed = this.#compressAfter(this.#compressed, message, compression).catch((cause: unknown) =>
      this.#listener.onError(cause),
    );
  }

  async #compressAfter(
    before: Promise<void>,
    message: Uint8Array | readonly Uint8Array[],
    compression: MessageCompression | undefined,
  ): Promise<void> {
    const data = message instanceof Uint8Array ? message : Buffer.concat(message);
    const packed = compression === undefined ? data : await deflateMessage(compression, data);
    await before;
    this.#compressingCount -= 1;
    if (this.#isStopped) return;
    const hasRoom = this.#write(frameMessage(packed, compression !== undefined));
    if (this.#isCompressing) return;
    if (this.#isHalfClosed) this.#stream?.end();
    else if (hasRoom) this.#listener.onDrain();
  }

  get #isCompressing(): boolean {
    return this.#compressingCount > 0;
  }

  #write(chunks: readonly Buffer[]): boolean {
    const stream = this.#stream;
    if (this.#replay !== undefined) {
      for (const chunk of chunks) {
        this.#replay.push(chunk);
        this.#replayBytes += chunk.length;
      }
      // What waits for its first start is kept whatever its size: it is nowhere else.
      if (stream !== undefined && this.#replayBytes > REPLAY_BYTES_MAX) this.#replay = undefined;
    }
    return stream === undefined ? false : writeChunks(stream, chunks);
  }
}

function writeChunks(stream: ClientHttp2Stream, chunks: readonly Buffer[]): boolean {
  if (stream.destroyed || stream.writableEnded) return true;
  if (chunks.length === 1) return stream.write(chunks[0]);
  stream.cork();
  for (const chunk of chunks) stream.write(chunk);
  stream.uncork();
  return !stream.writableNeedDrain;
}

function lengthOf(message: Uint8Array | readonly Uint8Array[]): number {
  if (message instanceof Uint8Array) return message.byteLength;
  let length = 0;
  for (const part of message) length += part.byteLength;
  return length;
}
