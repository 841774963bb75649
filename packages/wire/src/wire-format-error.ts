/** Bytes that are not what they should be: truncated, overrunning, of the wrong wire type, or text that is not UTF-8. */
export class WireFormatError extends Error {
  override readonly name = "WireFormatError";
}
