/**
 * Holds a rule that only a programmer's mistake can break. Stays on in production: a server that goes on with a broken
 * state would lose messages in silence.
 *
 * @throws Error with `rule` when it does not hold.
 */
export function assert(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`assertion failed: ${rule}`);
}

/** Fails to compile where a case is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
