import assert from "node:assert/strict";
import { protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { dataOf } from "../context.js";
import { expectRestError, isObject, type Json, type JsonObject, okJson } from "../rest.js";
import { payloadTooLarge, tooLarge } from "../texts.js";

const PAYLOAD_BYTES_MAX = 10_485_760;

/** Compresses every request: 1 is deflate, 2 is gzip, in grpc-js's numbering. */
const COMPRESSIONS = { deflate: 1, gzip: 2 } as const;

function first(json: Json | undefined): JsonObject {
  const object = Array.isArray(json) ? json[0] : undefined;
  assert.ok(isObject(object), `expected a list with an object, got ${JSON.stringify(json)}`);
  return object;
}

/** Returns the JSON of a small publish, padded with spaces to exactly `sizeBytes`. */
function publishBodyOf(sizeBytes: number): string {
  return '{"messages":[{"data":"aGk="}]}'.padEnd(sizeBytes, " ");
}

export const REST_CASES: readonly ConformanceCase[] = [
  {
    id: "REST-002",
    title: "an unknown field is refused with a BadRequest detail",
    run: async (context) => {
      const response = await context.rest("PUT", "/topics/topic", { nope: 1 });
      const text = 'Invalid JSON payload received. Unknown name "nope": Cannot find field.';
      const error = expectRestError(response, "INVALID_ARGUMENT", context.exactly(text));
      if (!context.isService) return;
      const detail = first(error["details"]);
      assert.equal(detail["@type"], "type.googleapis.com/google.rpc.BadRequest");
      assert.equal(first(detail["fieldViolations"])["description"], text);

      const topic = await context.createTopic();
      const nested = await context.rest("POST", `/v1/${topic}:publish`, { messages: [{ data: "aGk=", nope: 1 }] });
      const nestedError = expectRestError(
        nested,
        "INVALID_ARGUMENT",
        /^Invalid JSON payload received\. Unknown name "nope"/,
      );
      const violation = first(first(nestedError["details"])["fieldViolations"]);
      assert.equal(violation["description"], nestedError["message"]);
      assert.equal(violation["field"], "messages[0]");
    },
  },
  {
    id: "REST-003",
    title: "snake_case is accepted, camelCase is returned",
    run: async (context) => {
      const topic = await context.createTopic();
      const made = okJson(await context.rest("PUT", "/subscriptions/sub", { topic, ack_deadline_seconds: 20 }));
      assert.equal(made["ackDeadlineSeconds"], 20);
      assert.ok(!("ack_deadline_seconds" in made));
    },
  },
  {
    id: "REST-004",
    title: "both spellings of one field are refused",
    run: async (context) => {
      const topic = await context.createTopic();
      const body = { topic, ackDeadlineSeconds: 20, ack_deadline_seconds: 20 };
      expectRestError(await context.rest("PUT", "/subscriptions/sub", body), "INVALID_ARGUMENT");
    },
  },
  {
    id: "REST-005",
    title: "base64 comes in standard and URL-safe, and goes out standard",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const data of ["+/8=", "-_8=", "-_8"]) {
        okJson(await context.rest("POST", `/v1/${topic}:publish`, { messages: [{ data }] }));
        const pulled = okJson(await context.rest("POST", `/v1/${subscription}:pull`, { maxMessages: 1 }));
        const message = first(pulled["receivedMessages"])["message"];
        assert.equal(isObject(message) && message["data"], "+/8=");
      }
    },
  },
  {
    id: "REST-006",
    title: "a duration is text with seconds, not a number",
    run: async (context) => {
      const made = okJson(await context.rest("PUT", "/topics/topic", { messageRetentionDuration: "600.500s" }));
      assert.equal(made["messageRetentionDuration"], "600.500s");
      const bare = await context.rest("PUT", "/topics/other", { messageRetentionDuration: 600 });
      expectRestError(bare, "INVALID_ARGUMENT");
    },
  },
  {
    id: "REST-007",
    title: "an error has code, message and status, and details only when there are some",
    run: async (context) => {
      const response = await context.rest("GET", "/topics/nowhere");
      const error = expectRestError(response, "NOT_FOUND", context.exactly("Resource not found (resource=nowhere)."));
      if (!context.isService) return;
      assert.deepEqual(Object.keys(error), ["code", "message", "status"]);
      assert.equal(response.headers["content-type"], "application/json; charset=UTF-8");
      assert.equal(response.text, `${JSON.stringify(JSON.parse(response.text), null, 2)}\n`);
    },
  },
  {
    id: "REST-008",
    title: "a path or verb that does not exist is 404",
    run: async (context) => {
      const topic = await context.createTopic();
      const unknown = await context.rest("GET", "/v1/nope");
      assert.equal(unknown.status, 404);
      const wrongVerb = await context.rest("POST", `/v1/${topic}`, {});
      assert.equal(wrongVerb.status, 404);
      if (!context.isService) return;
      for (const response of [unknown, wrongVerb]) {
        assert.match(String(response.headers["content-type"]), /^text\/html/);
        assert.match(response.text, /<html|<!doctype html/i);
      }
    },
  },
  {
    id: "REST-009",
    title: "an empty response is {}",
    run: async (context) => {
      const topic = await context.createTopic();
      const response = await context.rest("DELETE", `/v1/${topic}`);
      assert.deepEqual(okJson(response), {});
      if (context.isService) assert.equal(response.text, "{}\n");
    },
  },
  {
    id: "REST-010",
    title: "a plain pull subscription has the measured defaults",
    run: async (context) => {
      const topic = await context.createTopic();
      const made = okJson(await context.rest("PUT", "/subscriptions/sub", { topic }));
      assert.deepEqual(made, {
        name: context.subscriptionName("sub"),
        topic,
        pushConfig: {},
        ackDeadlineSeconds: 10,
        messageRetentionDuration: "604800s",
        expirationPolicy: { ttl: "2678400s" },
        state: "ACTIVE",
      });
      assert.deepEqual(okJson(await context.rest("GET", "/subscriptions/sub")), made);
    },
  },
  {
    id: "REST-011",
    title: "a created topic is just its name",
    run: async (context) => {
      const made = okJson(await context.rest("PUT", "/topics/topic", {}));
      assert.deepEqual(made, { name: context.topicName("topic") });
    },
  },
  {
    id: "REST-012",
    title: "an enum is printed as its name and accepted as a number",
    run: async (context) => {
      const topic = await context.createTopic();
      const made = okJson(await context.rest("PUT", "/subscriptions/sub", { topic, state: 2 }));
      assert.equal(made["state"], "ACTIVE");
    },
  },
  {
    id: "REST-012",
    title: "an int64 is printed as text",
    needs: ["exports"],
    run: async (context) => {
      const topic = await context.createTopic();
      const cloudStorageConfig = { bucket: "bucket", maxBytes: 1_000_000 };
      const made = okJson(await context.rest("PUT", "/subscriptions/sub", { topic, cloudStorageConfig }));
      assert.equal(isObject(made["cloudStorageConfig"]) && made["cloudStorageConfig"]["maxBytes"], "1000000");
    },
  },
  {
    id: "REST-013",
    title: "prettyPrint=false gives compact JSON, with and without its dollar sign",
    run: async (context) => {
      const topic = await context.createTopic({ labels: { k: "v" } });
      for (const query of ["prettyPrint=false", "$prettyPrint=false"]) {
        const response = await context.rest("GET", `/v1/${topic}?${query}`);
        assert.equal(response.text.trimEnd(), JSON.stringify(okJson(response)));
      }
      const pretty = await context.rest("GET", `/v1/${topic}`);
      assert.equal(pretty.text, `${JSON.stringify(okJson(pretty), null, 2)}\n`);
    },
  },
  {
    id: "REST-014",
    title: "getIamPolicy works with GET and POST",
    needs: ["iam"],
    run: async (context) => {
      const topic = await context.createTopic();
      assert.deepEqual(okJson(await context.rest("GET", `/v1/${topic}:getIamPolicy`)), { etag: "AAAB" });
      assert.deepEqual(okJson(await context.rest("POST", `/v1/${topic}:getIamPolicy`, {})), { etag: "AAAB" });
    },
  },
  {
    id: "REST-015",
    title: "schemas:validate is not the schema of an id",
    needs: ["schemas"],
    run: async (context) => {
      const definition = '{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}';
      const response = await context.rest("POST", "/schemas:validate", { schema: { type: "AVRO", definition } });
      assert.deepEqual(okJson(response), {});
    },
  },
  {
    id: "REST-016",
    title: "REST over HTTP/1.1 and gRPC over h2c share the port",
    run: async (context) => {
      const over1 = okJson(await context.rest("PUT", "/topics/topic", {}));
      const [overH2c] = await context.publisher.getTopic({ topic: context.topicName("topic") });
      assert.equal(over1["name"], overH2c.name);
      assert.equal((await context.rest("GET", "/")).status, 200);
    },
  },
  {
    id: "REST-017",
    title: "a publish compressed with gzip or deflate is accepted over gRPC",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const { PublishRequest, PublishResponse } = protos.google.pubsub.v1;
      const data = Buffer.from("compressible ".repeat(1000));
      const request = PublishRequest.encode({ topic, messages: [{ data }] }).finish();
      for (const algorithm of Object.values(COMPRESSIONS)) {
        const raw = context.openConnection({ "grpc.default_compression_algorithm": algorithm });
        const bytes = await raw.unary("google.pubsub.v1.Publisher/Publish", request).response;
        assert.equal(PublishResponse.decode(bytes).messageIds.length, 1);
        const [received] = await context.pull(subscription, 1);
        assert.ok(received);
        assert.equal(dataOf(received), data.toString());
      }
    },
  },
  {
    id: "REST-018",
    title: "a publish of 10 485 761 bytes is refused, one of 10 485 760 passes the size check",
    run: async (context) => {
      const topic = await context.createTopic();
      const atLimit = await context.rest("POST", `/v1/${topic}:publish`, publishBodyOf(PAYLOAD_BYTES_MAX));
      assert.equal(atLimit.status, 200, atLimit.text);
      const text = payloadTooLarge(PAYLOAD_BYTES_MAX);
      const above = await context.rest("POST", `/v1/${topic}:publish`, publishBodyOf(PAYLOAD_BYTES_MAX + 1));
      expectRestError(above, "INVALID_ARGUMENT", context.exactly(text));

      const { PublishRequest } = protos.google.pubsub.v1;
      const overhead = PublishRequest.encode({ topic, messages: [{ data: Buffer.alloc(PAYLOAD_BYTES_MAX) }] }).finish();
      const exact = { data: Buffer.alloc(2 * PAYLOAD_BYTES_MAX - overhead.length) };
      const tooMuch = tooLarge("request_size", PAYLOAD_BYTES_MAX, 10_000_000);
      await context.refuses(context.publish(topic, exact), "INVALID_ARGUMENT", tooMuch);
      const bigger = { data: Buffer.alloc(exact.data.length + 1) };
      await context.refuses(context.publish(topic, bigger), "INVALID_ARGUMENT", text);
    },
  },
];
