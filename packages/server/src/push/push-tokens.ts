/** Tokens by which an endpoint knows who pushes (reference S-14.4), each used for most of its life. */
import { createHash } from "node:crypto";
import type { Clock } from "../engine/clock.js";
import type { PushConfig } from "../engine/settings.js";
import { PUSH_LIMITS } from "./push-limits.js";
import type { SigningKeys } from "./signing-keys.js";

/** What tokens are asked for: the service account and the audience of a push config. */
export type TokenRequest = NonNullable<PushConfig["oidcToken"]>;

const LIFE_SECONDS = 3_600;
/** Used this long, so that what is left outlives the longest request, 600 s, and a clock that is off. */
const USE_SECONDS = 2_700;
/** As many as Google's ids of accounts have. */
const UNIQUE_ID_DIGITS = 21;

interface Token {
  readonly text: Promise<string>;
  readonly issuedAtSeconds: number;
}

export class PushTokens {
  readonly #keys: SigningKeys;
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();

  /** @param issuer - Becomes `iss`. */
  constructor(keys: SigningKeys, issuer: string, clock: Clock) {
    this.#keys = keys;
    this.#issuer = issuer;
    this.#clock = clock;
  }

  /** Rejects where the key can be neither read nor written. */
  get(request: TokenRequest): Promise<string> {
    const nowSeconds = Math.floor(this.#clock.wallMs() / 1_000);
    const name = JSON.stringify([request.serviceAccountEmail, request.audience]);
    const known = this.#tokens.get(name);
    // A wall clock that was set back must not hand out a token of the future.
    const ageSeconds = known === undefined ? Number.POSITIVE_INFINITY : nowSeconds - known.issuedAtSeconds;
    if (known !== undefined && ageSeconds >= 0 && ageSeconds < USE_SECONDS) return known.text;
    const text = this.#sign(request, nowSeconds).catch((error: unknown) => {
      this.#tokens.delete(name);
      throw error;
    });
    this.#remember(name, { text, issuedAtSeconds: nowSeconds });
    return text;
  }

  #sign({ serviceAccountEmail: email, audience }: TokenRequest, iat: number): Promise<string> {
    const id = uniqueIdOf(email);
    const claims = { aud: audience, azp: id, email, email_verified: true, iss: this.#issuer, sub: id };
    return this.#keys.sign({ ...claims, iat, exp: iat + LIFE_SECONDS });
  }

  #remember(name: string, token: Token): void {
    this.#tokens.delete(name);
    if (this.#tokens.size >= PUSH_LIMITS.rememberedTokens) {
      const [oldest] = this.#tokens.keys();
      if (oldest !== undefined) this.#tokens.delete(oldest);
    }
    this.#tokens.set(name, token);
  }
}

/** There are no accounts behind the addresses here: an id that is always the same for one. */
function uniqueIdOf(email: string): string {
  const hash = createHash("sha256").update(email).digest("hex");
  const digits = BigInt(`0x${hash}`).toString().padStart(UNIQUE_ID_DIGITS, "0");
  return `1${digits.slice(-(UNIQUE_ID_DIGITS - 1))}`;
}
