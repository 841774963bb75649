/** `service` behaves like production, `emulator` tolerates what the official emulator does (reference part 4). */
export type Profile = "service" | "emulator";
