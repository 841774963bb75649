import type { AttributeIndex } from "./attribute-index.js";

/** What a publisher may send: a list of keys and values, where a key can come twice. */
export type PlainAttributes = readonly (readonly [key: string, value: string])[];

/** Messages of a test as a filter sees them: message `index` has the attributes `messages[index]`. */
export function plainAttributes(messages: readonly PlainAttributes[]): AttributeIndex {
  const entries = messages.flatMap((attributes, message) =>
    attributes.map(([key, value]) => ({ message, key: Buffer.from(key), value: Buffer.from(value) })),
  );
  const found = (attribute: number): Buffer => {
    const entry = entries[attribute];
    if (entry === undefined) throw new RangeError(`there is no attribute ${attribute}`);
    return entry.value;
  };
  return {
    findAttribute: (index, key) => entries.findLastIndex((entry) => entry.message === index && entry.key.equals(key)),
    valueEquals: (attribute, value) => found(attribute).equals(value),
    valueStartsWith: (attribute, prefix) => found(attribute).subarray(0, prefix.length).equals(prefix),
  };
}
