/** Placeholder of the metadata class; see the brief of this package. */
export interface Metadata {
  /** The first value of a key (any letter case), or undefined. Keys that end in `-bin` have no text value. */
  get(key: string): string | undefined;
  getBinary(key: string): Uint8Array | undefined;
  /** Replaces the values of a key. Throws TypeError for a key or value that HTTP/2 cannot carry. */
  set(key: string, value: string | Uint8Array): void;
  append(key: string, value: string | Uint8Array): void;
  entries(): Iterable<readonly [key: string, value: string | Uint8Array]>;
}
