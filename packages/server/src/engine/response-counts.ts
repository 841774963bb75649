import type { ErrorCode } from "@peal/core";

/** How a request ended. */
export type ResponseCode = "OK" | ErrorCode;

/** Counts requests by how they ended. Most succeed: only what fails takes a map. */
export class ResponseCounts {
  #ok = 0;
  #failed: Map<ErrorCode, number> | undefined;

  add(code: ResponseCode): void {
    if (code === "OK") {
      this.#ok += 1;
      return;
    }
    this.#failed ??= new Map();
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
  }

  /** OK first, also when there was none; then the errors that there were. */
  *entries(): Generator<readonly [code: ResponseCode, count: number]> {
    yield ["OK", this.#ok];
    if (this.#failed !== undefined) yield* this.#failed;
  }
}
