import type { BlockView } from "./block-view.js";

/** What a message of a plain block may have besides its size. */
export interface PlainMessage {
  readonly key?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A block whose messages have the sizes given, and, where told, keys and attributes. */
export function plainBlock(
  first: number,
  sizes: readonly number[],
  messages: readonly PlainMessage[] = [],
  publishTimeMs = 0,
): BlockView {
  const values: Uint8Array[] = [];
  return {
    first,
    count: sizes.length,
    publishTimeMs,
    sizeBytes: (index) => {
      const size = sizes[index];
      if (size === undefined) throw new RangeError(`the block has no message ${index}`);
      return size;
    },
    orderingKey: (index) => messages[index]?.key ?? "",
    orderingKeyHash: (index) => hashOf(messages[index]?.key ?? ""),
    findAttribute: (index, key) => {
      const value = messages[index]?.attributes?.[new TextDecoder().decode(key)];
      return value === undefined ? -1 : values.push(new TextEncoder().encode(value)) - 1;
    },
    valueEquals: (attribute, value) => sameBytes(values[attribute]!, value),
    valueStartsWith: (attribute, prefix) => sameBytes(values[attribute]!.subarray(0, prefix.length), prefix),
  };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function hashOf(key: string): number {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + character.codePointAt(0)!) % 1_000_003;
  return key === "" ? 0 : hash + 1;
}
