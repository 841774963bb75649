/** What the parts of a process agree on when a server starts. */
import type { Profile } from "@peal/wire/hot";
import type { Logger } from "./logger.js";
import type { StartError } from "./start-error.js";

/** Everything a server is told. It reads no environment and no file but those in `data`. */
export interface ServerOptions {
  /** Undefined: 127.0.0.1 and ::1, on the same port, or the one of them that the machine has. */
  readonly host: string | undefined;
  /** 0: a free one. */
  readonly port: number;
  /** The directory that holds everything; undefined: memory, and nothing outlives the server. */
  readonly data: string | undefined;
  readonly profile: Profile;
  /** PEM. With it the port speaks TLS only. */
  readonly tls: { readonly cert: Uint8Array; readonly key: Uint8Array } | undefined;
  /** Lets clients move the server's time forward: for tests, never for data that matters. */
  readonly hasTestClock: boolean;
  readonly logger: Logger;
  /** How messages are pushed; each has a default. */
  readonly push?: PushSettings;
  /** For harnesses that kill the server: makes rare things frequent. Has no effect on what is promised. */
  readonly storeTuning?: StoreTuning;
}

export interface PushSettings {
  /** May endpoints be on this machine or in a private network? Left out: in the emulator profile only. */
  readonly allowsPrivate?: boolean;
  /** PEM of authorities that are trusted besides the usual ones. */
  readonly ca?: Uint8Array;
  /** Are the certificates of endpoints taken as they are? Left out: they are verified. */
  readonly skipsVerification?: boolean;
  /** Named by tokens as the one who made them; left out: `https://accounts.google.com`, as the service has it. */
  readonly issuer?: string;
}

export interface StoreTuning {
  /** Size of a segment of the commit log; 64 MiB where left out. */
  readonly segmentBytes?: number;
  /** The store's delays (before a checkpoint, say) are divided by this. */
  readonly delayDivisor?: number;
}

export interface RunningServer {
  readonly port: number;
  /**
   * Finishes what is held and stops: health says NOT_SERVING, new calls are refused, streams end UNAVAILABLE, calls in
   * flight finish, the store closes. Takes at most 5 seconds. A second call waits for the same end.
   */
  drain(): Promise<void>;
  /** Resolves when the server has stopped: with what made it stop, or with undefined after a drain. Never rejects. */
  readonly closed: Promise<StartError | undefined>;
}
