import type { SecureContextOptions } from "node:tls";
import type { TimeSource } from "../deadline-table.js";
import type { Metadata } from "../metadata.js";

/** Limits and times of the client half. */
export interface ClientLimits {
  /** What the server may send unread on one stream, in bytes. */
  readonly streamWindowBytes: number;
  /** What the server may send unread on the connection, in bytes. */
  readonly connectionWindowBytes: number;
  /** The largest answer that is accepted, in bytes after decompression. */
  readonly receiveBytesMax: number;
  /** Headers or trailers of an answer, in bytes. */
  readonly headerListBytesMax: number;
  /** A connection that is not usable after this time has failed. */
  readonly connectMs: number;
  /** A connection with open calls is pinged this often… */
  readonly keepAliveMs: number;
  /** …and given up when no answer comes. */
  readonly keepAliveTimeoutMs: number;
  /** After so many calls a connection is replaced by a new one; HTTP/2 has no more than 2^30 - 1 of them. */
  readonly callsPerConnectionMax: number;
  /** How long to wait after the first failed connect; each further one takes 1.6 times as long. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  streamWindowBytes: 8 * 2 ** 20,
  connectionWindowBytes: 32 * 2 ** 20,
  receiveBytesMax: 20 * 2 ** 20,
  headerListBytesMax: 4 * 2 ** 20,
  connectMs: 20_000,
  keepAliveMs: 30_000,
  keepAliveTimeoutMs: 10_000,
  callsPerConnectionMax: 2 ** 30 - 1,
  backoffMinMs: 1_000,
  backoffMaxMs: 30_000,
};

export interface ClientTlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: NonNullable<SecureContextOptions["ca"]>;
  readonly cert?: NonNullable<SecureContextOptions["cert"]>;
  readonly key?: NonNullable<SecureContextOptions["key"]>;
  /** The name the server's certificate must have, where it is not the target's. */
  readonly servername?: string;
}

export interface GrpcClientOptions {
  /** Plaintext where left out; `{}` trusts what the system trusts. */
  readonly tls?: ClientTlsOptions;
  readonly userAgent?: string;
  readonly limits?: Partial<ClientLimits>;
  readonly time?: TimeSource;
  /** In [0, 1); spreads reconnects. */
  readonly random?: () => number;
}

export type MessageCompression = "gzip" | "deflate";

export interface CallOptions {
  readonly metadata?: Metadata;
  /** The call ends DEADLINE_EXCEEDED after this time; the server is told. No deadline where left out. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Waits while there is no connection, instead of ending UNAVAILABLE when a connect has failed. */
  readonly waitForReady?: boolean;
  /** Compresses requests of 1 KiB and more; the server must accept it. Answers may come compressed in any case. */
  readonly compression?: MessageCompression;
  /** Overrides the client's own limit, in bytes after decompression. */
  readonly receiveBytesMax?: number;
  /** The server's headers have come. */
  readonly onHeaders?: (metadata: Metadata) => void;
  /** The call has ended with a status of the server; called before its promise or `onEnd`. */
  readonly onTrailers?: (metadata: Metadata) => void;
}
