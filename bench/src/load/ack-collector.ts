/**
 * Reads nothing of a StreamingPullResponse but the ack ids, and writes them as they stand into AcknowledgeRequests.
 *
 * In both messages an ack id is a length-delimited field; only its number differs (1 there, 2 here). So a generator costs far
 * less than what it drives.
 */

const RECEIVED_MESSAGES = 0x0a;
const RECEIVED_ACK_ID = 0x0a;
const REQUEST_SUBSCRIPTION = 0x0a;
const REQUEST_ACK_ID = 0x12;
const ACK_ID_ROOM = 256;

export class AckCollector {
  readonly #head: Buffer;
  readonly #idsPerRequest: number;
  readonly #send: (request: Uint8Array, count: number) => void;
  #request: Buffer;
  #at: number;
  #count = 0;

  constructor(subscription: string, idsPerRequest: number, send: (request: Uint8Array, count: number) => void) {
    const name = Buffer.from(subscription);
    this.#head = Buffer.concat([Buffer.from([REQUEST_SUBSCRIPTION, name.length]), name]);
    this.#idsPerRequest = idsPerRequest;
    this.#send = send;
    this.#request = Buffer.alloc(0);
    this.#at = 0;
    this.#begin();
  }

  /** Takes one response. @returns How many messages it holds. */
  take(response: Uint8Array): number {
    let at = 0;
    let messages = 0;
    while (at < response.length) {
      const tag = response[at]!;
      const [length, bodyAt] = readVarint(response, at + 1);
      if (tag === RECEIVED_MESSAGES) {
        messages += 1;
        this.#takeMessage(response, bodyAt, bodyAt + length);
      }
      at = bodyAt + length;
    }
    return messages;
  }

  /** Sends what is collected. */
  flush(): void {
    if (this.#count === 0) return;
    this.#send(this.#request.subarray(0, this.#at), this.#count);
    this.#begin();
  }

  #begin(): void {
    this.#request = Buffer.allocUnsafe(this.#head.length + this.#idsPerRequest * ACK_ID_ROOM);
    this.#head.copy(this.#request);
    this.#at = this.#head.length;
    this.#count = 0;
  }

  #takeMessage(response: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const tag = response[at]!;
      const [length, bodyAt] = readVarint(response, at + 1);
      if (tag === RECEIVED_ACK_ID) {
        this.#request[this.#at] = REQUEST_ACK_ID;
        // The length stands as it came, one byte or two.
        this.#request.set(response.subarray(at + 1, bodyAt + length), this.#at + 1);
        this.#at += bodyAt + length - at;
        this.#count += 1;
        if (this.#count === this.#idsPerRequest) this.flush();
        return;
      }
      at = bodyAt + length;
    }
  }
}

function readVarint(bytes: Uint8Array, from: number): readonly [value: number, at: number] {
  let value = 0;
  let shift = 1;
  let at = from;
  for (;;) {
    const byte = bytes[at]!;
    at += 1;
    value += (byte & 127) * shift;
    if (byte < 128) return [value, at];
    shift *= 128;
  }
}
