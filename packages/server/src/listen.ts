/** Binds a server to its addresses, and says in words why that does not work. */
import type { GrpcServer } from "@peal/grpc";
import type { ServerOptions } from "./running-server.js";
import { StartError } from "./start-error.js";

const LOOPBACK = ["127.0.0.1", "::1"];

/**
 * Binds the addresses of the options; of the two loopback ones, those that the machine has.
 *
 * @returns The port.
 * @throws {StartError} `portTaken`, `addressUnusable`.
 */
export async function listen(
  server: GrpcServer,
  { host, port }: Pick<ServerOptions, "host" | "port">,
): Promise<number> {
  try {
    return await server.listen(host === undefined ? LOOPBACK : [host], port);
  } catch (error) {
    throw explain(error, host ?? "localhost", port);
  }
}

/** Makes sure that a certificate and its key can be used, before anything else is begun. */
export async function checkTls(tls: NonNullable<ServerOptions["tls"]>): Promise<void> {
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      "tlsUnusable",
      `the certificate and key cannot be used (${reason}); give PEM files that belong together, the key without a passphrase`,
      { cause: error },
    );
  }
}

function explain(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof Error && "code" in error && "syscall" in error)) return error;
  const place = `${host}:${port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new StartError(
        "portTaken",
        `port ${port} of ${host} is taken by another process; stop it, or use another port (0 takes a free one)`,
        {
          cause: error,
        },
      );
    case "EACCES":
    case "EPERM":
      return new StartError(
        "addressUnusable",
        `${place} may not be used by this user (${error.code}); use a port from 1024 up`,
        {
          cause: error,
        },
      );
    default:
      return new StartError(
        "addressUnusable",
        `${place} cannot be used (${String(error.code)}); use an address of this machine`,
        {
          cause: error,
        },
      );
  }
}
