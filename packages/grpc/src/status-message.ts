/** Percent-encoding of `grpc-message`: UTF-8, where everything but printable ASCII without `%` is escaped. */

const NEEDS_ESCAPE = /[^\x20-\x24\x26-\x7e]/;
const ESCAPES = /(?:%[0-9a-fA-F]{2})+/g;
const HEX = "0123456789ABCDEF";
/** Longer texts are cut, so that a trailer always goes out. */
const ENCODED_LENGTH_MAX = 8 * 1024;

/** The text as it goes into the trailer; at most 8 KiB, cut at a character. */
export function encodeStatusMessage(text: string): string {
  if (text.length <= ENCODED_LENGTH_MAX && !NEEDS_ESCAPE.test(text)) return text;
  let encoded = "";
  for (const character of text) {
    let piece = "";
    for (const byte of Buffer.from(character, "utf8")) {
      const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
      piece += isPlain ? String.fromCharCode(byte) : `%${HEX[byte >> 4]}${HEX[byte & 15]}`;
    }
    if (encoded.length + piece.length > ENCODED_LENGTH_MAX) break;
    encoded += piece;
  }
  return encoded;
}

/** The text of a trailer. What is not well-formed stays as it came: a message is never a reason to fail. */
export function decodeStatusMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  return encoded.replace(ESCAPES, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
}
