/** A promise of the server that it did not keep. */
export class Violation extends Error {
  override readonly name = "Violation";
}
