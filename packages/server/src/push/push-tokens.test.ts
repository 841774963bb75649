import assert from "node:assert/strict";
import test from "node:test";
import { decodeJwt } from "jose";
import { ManualClock } from "../engine/manual-clock.js";
import { settle } from "./fake-endpoint.test.support.js";
import { CONFIG, MemoryKeyStore, PushBed } from "./push-bed.test.support.js";
import { PUSH_LIMITS } from "./push-limits.js";
import { PushTokens } from "./push-tokens.js";
import { SigningKeys } from "./signing-keys.js";

const ISSUER = "https://push.example.com";
const REQUEST = { serviceAccountEmail: "a@p.iam.gserviceaccount.com", audience: "https://example.com/x" };

/** Signing is slow, and not what is tested here. */
class CountingKeys extends SigningKeys {
  signed = 0;

  override async sign(claims: object): Promise<string> {
    this.signed += 1;
    return `${this.signed} ${JSON.stringify(claims)}`;
  }
}

function open(): { clock: ManualClock; keys: CountingKeys; tokens: PushTokens } {
  const clock = new ManualClock();
  const keys = new CountingKeys(new MemoryKeyStore());
  return { clock, keys, tokens: new PushTokens(keys, ISSUER, clock) };
}

test("a token has the claims of the service (PUSH-007)", async () => {
  const clock = new ManualClock();
  const tokens = new PushTokens(new SigningKeys(new MemoryKeyStore()), ISSUER, clock);
  const { sub, azp, ...claims } = decodeJwt(await tokens.get(REQUEST));
  const iat = Math.floor(clock.wallMs() / 1_000);
  const email = REQUEST.serviceAccountEmail;
  const known = { iss: ISSUER, aud: REQUEST.audience, email, email_verified: true, iat, exp: iat + 3_600 };
  assert.deepEqual(claims, known);
  assert.match(sub!, /^1\d{20}$/);
  assert.equal(azp, sub);
  const other = decodeJwt(await tokens.get({ ...REQUEST, serviceAccountEmail: "b@p.iam.gserviceaccount.com" }));
  assert.notEqual(other.sub, sub);
  assert.equal(decodeJwt(await tokens.get({ ...REQUEST, audience: "y" })).sub, sub);
});

test("a token is used for most of its life, each account and audience has its own", async () => {
  const { clock, keys, tokens } = open();
  const first = await tokens.get(REQUEST);
  await clock.advance(2_699_000, settle);
  assert.equal(await tokens.get({ ...REQUEST }), first);
  await tokens.get({ ...REQUEST, audience: "y" });
  assert.equal(keys.signed, 2);
  await clock.advance(1_000, settle);
  assert.notEqual(await tokens.get(REQUEST), first);
});

test("a clock that was set back makes no token of the future", async () => {
  const { clock, tokens } = open();
  const first = await tokens.get(REQUEST);
  clock.jumpWall(-60_000);
  assert.notEqual(await tokens.get(REQUEST), first);
});

test("of ever so many audiences the tokens of the last are remembered", async () => {
  const { keys, tokens } = open();
  for (let index = 0; index <= PUSH_LIMITS.rememberedTokens; index += 1) {
    await tokens.get({ ...REQUEST, audience: String(index) });
  }
  const before = keys.signed;
  await tokens.get({ ...REQUEST, audience: "1" });
  assert.equal(keys.signed, before);
  await tokens.get({ ...REQUEST, audience: "0" });
  assert.equal(keys.signed, before + 1);
});

test("a signature that failed is tried again", async () => {
  const { keys, tokens } = open();
  const sign = keys.sign.bind(keys);
  keys.sign = () => Promise.reject(new Error("no key"));
  await assert.rejects(tokens.get(REQUEST), /no key/);
  keys.sign = sign;
  assert.match(await tokens.get(REQUEST), /^1 /);
});

/** Signing takes threads, not time of the test's clock. */
async function firstRequest(bed: PushBed) {
  while (bed.endpoint.requests.length === 0) await settle();
  return bed.endpoint.requests[0]!;
}

test("the audience is the endpoint where none is set, and a push without an account has no token", async () => {
  for (const [audience, expected] of [
    ["", CONFIG.endpoint],
    ["mine", "mine"],
  ] as const) {
    const bed = new PushBed({ ...CONFIG, oidcToken: { serviceAccountEmail: "a@b", audience } });
    bed.engine.publish({ data: "one" });
    const { Authorization } = (await firstRequest(bed)).headers;
    assert.equal(decodeJwt(Authorization!.replace("Bearer ", "")).aud, expected);
  }
  const bare = new PushBed();
  bare.engine.publish({ data: "one" });
  assert.equal((await firstRequest(bare)).headers["Authorization"], undefined);
});

test("without a key nothing is sent, and the push has failed", async () => {
  const bed = new PushBed({ ...CONFIG, oidcToken: { serviceAccountEmail: "a@b", audience: "" } });
  bed.keyStore.read = () => Promise.reject(new Error("the disk is gone"));
  bed.engine.publish({ data: "one" });
  while (bed.engine.nacked.length === 0) await settle();
  assert.deepEqual([...bed.state.log.outcomes.keys()], ["INTERNAL"]);
  assert.equal(bed.endpoint.requests.length, 0);
});
