/** Settings that cannot be used. The message has one line per problem: where it was said, what, and what to do. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}
