/** What the process tells its parent when it ends; the help lists them from this table. */
import type { StartErrorReason } from "@peal/server";

export const EXIT_CODES = {
  ok: { code: 0, meaning: "drained and stopped" },
  failed: { code: 1, meaning: "a failure of peal itself" },
  badSettings: { code: 2, meaning: "a flag, variable or config key that cannot be used" },
  address: { code: 3, meaning: "the port is taken, or the address cannot be used" },
  locked: { code: 4, meaning: "another server uses the data directory" },
  directory: { code: 5, meaning: "the data directory cannot be read or written" },
  newerFormat: { code: 6, meaning: "the data directory was written by a newer peal" },
  corrupt: { code: 7, meaning: "the data is damaged and peal cannot repair it" },
  storage: { code: 8, meaning: "the disk failed while peal ran" },
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

const BY_START_ERROR: Readonly<Record<StartErrorReason, ExitReason>> = {
  portTaken: "address",
  addressUnusable: "address",
  directoryLocked: "locked",
  directoryUnusable: "directory",
  newerFormat: "newerFormat",
  corrupt: "corrupt",
  tlsUnusable: "badSettings",
  storageFailed: "storage",
};

/** The exit code for a server that did not start or had to stop. */
export function exitCodeOf(reason: StartErrorReason): number {
  return EXIT_CODES[BY_START_ERROR[reason]].code;
}

/** The exit code of a process that a second signal ended, as shells count: 128 and the signal's number. */
export function exitCodeOfSignal(signal: "SIGINT" | "SIGTERM"): number {
  return 128 + (signal === "SIGINT" ? 2 : 15);
}
