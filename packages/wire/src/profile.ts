/**
 * How strictly the server judges requests: `service` behaves like production, `emulator` is as tolerant as the official
 * emulator where the two differ.
 */
export type Profile = "service" | "emulator";
