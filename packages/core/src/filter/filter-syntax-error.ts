/** A filter's text does not follow the grammar. The message says where, what was expected and what was found. */
export class FilterSyntaxError extends Error {
  override readonly name = "FilterSyntaxError";

  /**
   * @param position - Which character of the text, counted from 1; one beyond the last where the text ends too early.
   * @param expected - What could have stood there, e.g. `"=" or "!="`.
   * @param found - What stands there, e.g. `"=="`.
   * @param hint - What the writer may have meant, or "".
   */
  constructor(
    readonly position: number,
    readonly expected: string,
    readonly found: string,
    hint = "",
  ) {
    super(`expected ${expected} at position ${position}, found ${found}${hint === "" ? "" : `; ${hint}`}`);
  }
}
