/** Thrown by a case that cannot be judged against this endpoint; the text says why. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}
