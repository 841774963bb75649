import type { PublishBatch } from "@peal/server/engine";

/** Messages without keys and attributes: each begins with its text and a bar, then padding up to its size. */
export function publishBatch(messages: readonly { readonly text: string; readonly sizeBytes: number }[]): PublishBatch {
  const pieces = messages.map(({ text, sizeBytes }) => Buffer.from(`${text}|`.padEnd(sizeBytes, ".")));
  const offsets: number[] = [];
  let end = 0;
  for (const piece of pieces) {
    offsets.push(end);
    end += piece.length;
  }
  const zeros = messages.map(() => 0);
  return {
    bytes: Buffer.concat(pieces),
    count: messages.length,
    offsets,
    lengths: pieces.map((piece) => piece.length),
    keyOffsets: zeros,
    keyLengths: zeros,
    attributes: [],
    attributeCounts: zeros,
  };
}
