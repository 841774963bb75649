/**
 * The attributes of a block's messages, as a filter asks for them: by the bytes of their UTF-8, so that nobody makes a
 * string of what only has to be compared.
 *
 * An attribute found is a number that means something to the block that gave it and to no other.
 */
export interface AttributeIndex {
  /**
   * The attribute of message `index` whose key is `key`, or -1 where it has none. Where the message names a key more
   * than once, the last one counts, as everywhere in protobuf.
   */
  findAttribute(index: number, key: Uint8Array): number;
  /** Whether the value of an attribute found is `value`, byte for byte. */
  valueEquals(attribute: number, value: Uint8Array): boolean;
  /** Whether the value of an attribute found begins with `prefix`; with an empty one it does. */
  valueStartsWith(attribute: number, prefix: Uint8Array): boolean;
}
