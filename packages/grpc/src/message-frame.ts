/** The five bytes before each gRPC message: a compression flag and the length. */

export const PREFIX_BYTES = 5;
/** Below this a message is copied behind its prefix: one write is cheaper than two. */
const COPY_BYTES_MAX = 8 * 1024;

/** The message as chunks ready for the socket, prefix first. */
export function frameMessage(message: Uint8Array | readonly Uint8Array[], isCompressed = false): Buffer[] {
  const parts = message instanceof Uint8Array ? [message] : message;
  let length = 0;
  for (const part of parts) length += part.byteLength;
  if (length <= COPY_BYTES_MAX) {
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + length);
    writePrefix(frame, length, isCompressed);
    let at = PREFIX_BYTES;
    for (const part of parts) {
      frame.set(part, at);
      at += part.byteLength;
    }
    return [frame];
  }
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, length, isCompressed);
  const frames: Buffer[] = [prefix];
  for (const part of parts) frames.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return frames;
}

function writePrefix(target: Buffer, length: number, isCompressed: boolean): void {
  target[0] = isCompressed ? 1 : 0;
  target.writeUInt32BE(length, 1);
}
