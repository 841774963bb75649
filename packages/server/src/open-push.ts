/** Builds what pushes need from the settings, the store and the machine. */
import type { Storage } from "@peal/store";
import type { Clock } from "./engine/clock.js";
import { ISSUER_DEFAULT } from "./push/discovery.js";
import { createHttpPoster } from "./push/http-poster.js";
import { NameResolver } from "./push/name-resolver.js";
import type { PushEngine } from "./push/push-engine.js";
import type { PushState } from "./push/push-log.js";
import { type PushService, startPush } from "./push/push-service.js";
import { type KeyStore, SigningKeys } from "./push/signing-keys.js";
import type { ServerOptions } from "./running-server.js";
import { StartError } from "./start-error.js";

const KEY = "push/signing-key";

export interface PreparedPush {
  /** For whoever verifies tokens. */
  readonly signer: { readonly issuer: string; readonly publicKeys: () => Promise<object> };
  /** None before `begin`. */
  pushStates(): Iterable<PushState>;
  /** Pushes from now on. */
  begin(engine: PushEngine): PushService;
}

export function preparePush(options: ServerOptions, storage: Storage, clock: Clock): PreparedPush {
  const { profile, logger, push = {} } = options;
  const issuer = push.issuer ?? ISSUER_DEFAULT;
  const keys = new SigningKeys(keyStoreOn(storage));
  let service: PushService | undefined;
  const begin = (engine: PushEngine): PushService => {
    const resolver = new NameResolver({ clock });
    const poster = createHttpPoster({
      allowsPrivate: push.allowsPrivate ?? profile === "emulator",
      ca: push.ca === undefined ? undefined : Buffer.from(push.ca).toString(),
      skipsVerification: push.skipsVerification ?? false,
      resolve: (host) => resolver.resolve(host),
    });
    service = startPush({ engine, clock, poster, keys, issuer, profile, log: logger });
    return service;
  };
  const signer = { issuer, publicKeys: () => keys.publicKeys() };
  return { signer, begin, pushStates: () => service?.pushStates() ?? [] };
}

/**
 * Makes sure that the authorities can be used, before anything else is begun.
 *
 * @throws {StartError} `tlsUnusable`.
 */
export async function checkPushAuthorities(ca: Uint8Array): Promise<void> {
  const { X509Certificate } = await import("node:crypto");
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ ca: Buffer.from(ca) });
    // A file without any certificate is no error to the context.
    new X509Certificate(ca);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `the authorities for pushes cannot be used (${reason}); give a PEM file of certificates`;
    throw new StartError("tlsUnusable", text, { cause: error });
  }
}

function keyStoreOn(storage: Storage): KeyStore {
  return {
    read: async () => (await storage.get(KEY))?.value,
    write: async (value) => {
      const entry = await storage.get(KEY);
      await storage.commit([{ kind: "put", key: KEY, value, revision: entry?.revision ?? null }]);
    },
  };
}
