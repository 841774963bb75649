const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;
/** How many of the last lines a failure shows. */
const LINES_KEPT = 60;

/** What happened, in order: a hash of all of it, and the last lines in full. */
export class Trace {
  #hash = OFFSET;
  #count = 0;
  readonly #lines: string[] = [];

  add(line: string): void {
    for (let index = 0; index < line.length; index += 1) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), PRIME) >>> 0;
    }
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
  }

  /** Equal for two runs that did the same. */
  get hash(): string {
    return this.#hash.toString(16).padStart(8, "0");
  }

  get count(): number {
    return this.#count;
  }

  get lastLines(): readonly string[] {
    return this.#lines;
  }
}
