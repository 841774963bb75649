import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { type AnswerPush, messageOf, type PushReceiver } from "../push-receiver.js";
import { type JsonObject, okJson } from "../rest.js";
import { createPushPair, PUSH_NEEDS } from "./push.js";

const ACCOUNT = "pusher@example.iam.gserviceaccount.com";
/** No request ends by its deadline while the clock moves to the end of pauses. */
const SLOW = { ackDeadlineSeconds: 600 } as const;
const TEXTS = Array.from({ length: 1_000 }, (_, index) => `m${index}`);

/** Holds every push until it is released. */
function holder() {
  let held: ((status: number) => void)[] = [];
  const answer: AnswerPush = () => (response) => {
    held.push((status) => response.writeHead(status).end());
  };
  return {
    answer,
    /** Waits until some pushes are held and no more come; returns how many. */
    async wave(between: () => Promise<unknown> = async () => undefined): Promise<number> {
      const lastAtMs = Date.now() + 20_000;
      for (let count = 0; held.length === 0 || held.length !== count; ) {
        assert.ok(Date.now() < lastAtMs, `a wave came to rest: ${held.length}`);
        count = held.length;
        if (count === 0) await between();
        await sleep(250);
      }
      return held.length;
    },
    release(status: number): void {
      for (const end of held) end(status);
      held = [];
    },
  };
}

/** Reads a token, and checks its signature by the keys that the server publishes. */
async function claimsOf(context: Context, receiver: PushReceiver, index: number): Promise<JsonObject> {
  const authorization = receiver.pushes[index]?.headers.authorization ?? "";
  const [head = "", body = "", signature = ""] = /^Bearer (\S+)$/.exec(authorization)?.[1]?.split(".") ?? [];
  const read = (part: string): JsonObject => JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as JsonObject;
  const { alg, kid } = read(head);
  assert.equal(alg, "RS256");
  const discovery = okJson(await context.rest("GET", "/.well-known/openid-configuration"));
  const path = new URL(String(discovery["jwks_uri"])).pathname;
  const { keys } = okJson(await context.rest("GET", path));
  const key = (keys as JsonObject[]).find((one) => one["kid"] === kid);
  assert.ok(key, "the key of the token is published");
  const publicKey = createPublicKey({ key, format: "jwk" });
  assert.ok(verify("sha256", Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, "base64url")));
  assert.equal(read(body)["iss"], discovery["issuer"]);
  return read(body);
}

/** Pushes with tokens, pushes where time passes, and pushes across a kill. */
export const PUSH_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "PUSH-004",
    title: "no answer by the ack deadline nacks",
    needs: PUSH_NEEDS,
    clockSeconds: 15,
    run: async (context) => {
      const answer: AnswerPush = (_, index) => (index === 0 ? undefined : 200);
      const { receiver, topic } = await createPushPair(context, { answer, fields: { ackDeadlineSeconds: 10 } });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await context.advance(9);
      await sleep(300);
      assert.equal(receiver.pushes.length, 1, "the deadline is ten seconds");
      await context.advance(1.5);
      const [first, second] = await receiver.waitFor(2, 15_000, () =>
        context.advance(context.hasMovableClock ? 0.1 : 0),
      );
      assert.equal(messageOf(second)["messageId"], messageOf(first)["messageId"]);
    },
  },
  {
    id: "PUSH-007",
    title:
      "a push with an OIDC token is signed by a published key; its audience is the endpoint or the one that is set",
    needs: PUSH_NEEDS,
    run: async (context) => {
      const oidcToken = { serviceAccountEmail: ACCOUNT };
      const { receiver, topic, subscription, pushConfig } = await createPushPair(context, { config: { oidcToken } });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      const claims = await claimsOf(context, receiver, 0);
      const { iat, exp, sub, ...rest } = claims;
      assert.deepEqual(rest, {
        iss: "https://accounts.google.com",
        aud: pushConfig.pushEndpoint,
        azp: sub,
        email: ACCOUNT,
        email_verified: true,
      });
      assert.match(String(sub), /^\d+$/);
      assert.equal(Number(exp), Number(iat) + 3600);
      assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 3600);
      const audience = "https://audience.example.com";
      const withAudience = { ...pushConfig, oidcToken: { ...oidcToken, audience } };
      await context.subscriber.modifyPushConfig({ subscription, pushConfig: withAudience });
      await context.publish(topic, "n");
      await receiver.waitFor(2);
      assert.equal((await claimsOf(context, receiver, 1))["aud"], audience);
    },
  },
  {
    id: "PUSH-009",
    title: "the window begins small, grows with success and shrinks with failure",
    needs: PUSH_NEEDS,
    clockSeconds: 600,
    run: async (context) => {
      const { answer, wave, release } = holder();
      const { topic } = await createPushPair(context, { answer, fields: SLOW });
      await context.publish(topic, ...TEXTS);
      const sizes: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        sizes.push(await wave());
        release(round < 2 ? 200 : 500);
      }
      const [first = 0, second = 0, third = 0] = sizes;
      // The window of the emulator profile begins wider.
      if (context.isService) assert.ok(first < 10, `${first} at first`);
      assert.ok(first < second && second < third, `grows: ${sizes.join(", ")}`);
      const shrunk = await wave(() => context.advance(context.hasMovableClock ? 61 : 0));
      assert.ok(shrunk < third, `shrinks: ${third}, ${shrunk}`);
      release(200);
    },
  },
  {
    id: "PUSH-010",
    title: "failures pause the whole subscription, longer and longer up to a minute, and success ends that",
    needs: PUSH_NEEDS,
    profile: "service",
    clockSeconds: 3600,
    run: async (context) => {
      const { receiver, topic } = await createPushPair(context, { answer: () => 500, fields: SLOW });
      await context.publish(topic, "m");
      await receiver.waitFor(60, 30_000, () => context.advance(context.hasMovableClock ? 61 : 0));
      await sleep(200);
      const failed = receiver.pushes.length;
      await context.publish(topic, "n");
      await context.advance(10);
      await sleep(300);
      assert.equal(receiver.pushes.length, failed, "everything is pausing");
      receiver.answer = () => 200;
      await context.advance(51);
      await receiver.waitFor(failed + 2, 15_000, () => context.advance(1));
      await context.publish(topic, "recovered");
      await receiver.waitFor(failed + 3, 2_000);
    },
  },
  {
    id: "PUSH-010",
    title: "an endpoint that was down for a while gets all once it is back",
    needs: PUSH_NEEDS,
    clockSeconds: 600,
    run: async (context) => {
      const { receiver, topic } = await createPushPair(context, { answer: () => 503, fields: SLOW });
      const texts = TEXTS.slice(0, 50);
      await context.publish(topic, ...texts);
      const step = (): Promise<void> => context.advance(context.hasMovableClock ? 5 : 0);
      await receiver.waitFor(60, 20_000, step);
      const served: string[] = [];
      receiver.answer = (push) => {
        served.push(String(messageOf(push)["messageId"]));
        return 200;
      };
      const lastAtMs = Date.now() + 20_000;
      while (new Set(served).size < texts.length && Date.now() < lastAtMs) {
        await step();
        await sleep(10);
      }
      assert.equal(new Set(served).size, texts.length);
      assert.equal(served.length, texts.length, "a success is final");
    },
  },
  {
    id: "RTY-004",
    title: "a failed push waits for the backoff of its policy",
    needs: ["push", "retry policy"],
    clockSeconds: 40,
    run: async (context) => {
      const retryPolicy = { minimumBackoff: { seconds: 30 }, maximumBackoff: { seconds: 600 } };
      const answer: AnswerPush = (_, index) => (index === 0 ? 500 : 200);
      const { receiver, topic } = await createPushPair(context, { answer, fields: { ...SLOW, retryPolicy } });
      await context.publish(topic, "m");
      await receiver.waitFor(1);
      await sleep(300);
      await context.advance(29);
      await sleep(300);
      assert.equal(receiver.pushes.length, 1, "the backoff is thirty seconds");
      await context.advance(8);
      await receiver.waitFor(2);
    },
  },
  {
    id: "PUSH-014",
    title: "pushing goes on after a kill with what was not acked, what was out included",
    needs: PUSH_NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const acked = new Set<string>();
      const answer: AnswerPush = (push, index) => {
        // The first ones succeed, then the endpoint answers no more.
        if (index >= 20) return undefined;
        acked.add(String(messageOf(push)["messageId"]));
        return 200;
      };
      const { receiver, topic } = await createPushPair(context, { answer, fields: SLOW });
      const ids = await context.publish(topic, ...TEXTS.slice(0, 100));
      await receiver.waitFor(21);
      // Acks of pushes have no answer; an acked publish commits after them.
      await context.publish(topic, "last");
      await sleep(200);
      await server.kill();
      const again: string[] = [];
      receiver.answer = (push) => {
        again.push(String(messageOf(push)["messageId"]));
        return 200;
      };
      const before = receiver.pushes.length;
      await server.start();
      await receiver.waitFor(before + ids.length + 1 - acked.size, 20_000);
      await sleep(500);
      assert.deepEqual(
        [...again].filter((id) => acked.has(id)),
        [],
        "what was acked is not pushed again",
      );
      assert.equal(new Set([...acked, ...again]).size, ids.length + 1, "nothing is lost");
      assert.equal(again.length, new Set(again).size, "a success is final");
    },
  },
];
