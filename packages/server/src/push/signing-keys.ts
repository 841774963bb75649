/** The key that signs the tokens of pushes: the server's own, made with the first need of it and kept in the store. */
import type { CryptoKey, JWK, JWTPayload } from "jose";

/** Where the key is kept between starts. */
export interface KeyStore {
  /** What was last written, or undefined. */
  read(): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. */
  write(value: Uint8Array): Promise<void>;
}

/** What verifiers are given. */
export interface PublicKeySet {
  readonly keys: readonly JWK[];
}

const ALGORITHM = "RS256";
const MODULUS_BITS = 2_048;
const VERSION = 1;

/** Only the private key is kept: a private JWK holds the public one. */
interface StoredKey {
  readonly v: number;
  readonly key: JWK;
}

interface OpenedKey {
  readonly kid: string;
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

export class SigningKeys {
  readonly #store: KeyStore;
  #opened: Promise<OpenedKey> | undefined;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** A JWT with these claims, signed with RS256 and with `kid` in its header. */
  async sign(claims: JWTPayload): Promise<string> {
    const [{ SignJWT }, { kid, privateKey }] = await Promise.all([import("jose"), this.#open()]);
    return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" }).sign(privateKey);
  }

  async publicKeys(): Promise<PublicKeySet> {
    return { keys: [(await this.#open()).publicKey] };
  }

  /** A failure is not remembered: the next one who needs the key tries again. */
  #open(): Promise<OpenedKey> {
    this.#opened ??= this.#readOrMake().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #readOrMake(): Promise<OpenedKey> {
    const { importJWK, calculateJwkThumbprint } = await import("jose");
    const key = (await this.#readStored()) ?? (await this.#make());
    const { kty, n, e } = key;
    if (kty !== "RSA" || n === undefined || e === undefined) throw new Error("the stored signing key is no RSA key");
    const kid = await calculateJwkThumbprint({ kty, n, e });
    const privateKey = await importJWK(key, ALGORITHM);
    if (privateKey instanceof Uint8Array) throw new Error("the stored signing key is no RSA key");
    return { kid, publicKey: { kty, n, e, kid, alg: ALGORITHM, use: "sig" }, privateKey };
  }

  async #readStored(): Promise<JWK | undefined> {
    const bytes = await this.#store.read();
    if (bytes === undefined) return undefined;
    const stored: StoredKey = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (stored.v !== VERSION)
      throw new Error(`the stored signing key has version ${stored.v}; this server reads ${VERSION}`);
    return stored.key;
  }

  /** Durable before the first token: a token must be verifiable after a restart. */
  async #make(): Promise<JWK> {
    const { exportJWK, generateKeyPair } = await import("jose");
    const { privateKey } = await generateKeyPair(ALGORITHM, { modulusLength: MODULUS_BITS, extractable: true });
    const key = await exportJWK(privateKey);
    const stored: StoredKey = { v: VERSION, key };
    await this.#store.write(Buffer.from(JSON.stringify(stored), "utf8"));
    return key;
  }
}
