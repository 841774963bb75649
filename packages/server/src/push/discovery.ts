/** How verifiers of push tokens find the server's public key: OpenID Connect Discovery, the parts that concern a key. */

export const DISCOVERY_ROUTE = "/.well-known/openid-configuration";
export const KEYS_ROUTE = "/.well-known/jwks.json";

/** What tokens name as their issuer where nothing else is set: the same as the service's. */
export const ISSUER_DEFAULT = "https://accounts.google.com";

/**
 * The discovery document.
 *
 * @param origin - How the asker has reached this server, as in `http://localhost:8085`: the keys are there, except where
 *   the issuer is this server under a name of its own.
 */
export function discoveryDocument(issuer: string, origin: string): Readonly<Record<string, unknown>> {
  const base = issuer === ISSUER_DEFAULT ? origin : issuer.replace(/\/$/, "");
  return {
    issuer,
    jwks_uri: `${base}${KEYS_ROUTE}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    claims_supported: ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"],
  };
}
