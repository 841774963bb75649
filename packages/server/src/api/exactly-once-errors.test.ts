// Failed ack ids as the official client of gRPC for Node sees them, over a real port.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { GrpcServer } from "@peal/grpc";
import { AcknowledgeRequestSchema, ErrorInfoSchema, StatusSchema } from "@peal/wire";
import { apiFixture } from "./api-fixture.test.support.js";
import { createServices } from "./create-services.js";

const NAME = "projects/p/subscriptions/billing";

test("the trailer of a failed acknowledge names the failed ids, or has the bare status where they are too many", async (context) => {
  const { engine, clock } = apiFixture();
  engine.topics.set("projects/p/topics/orders", { name: "projects/p/topics/orders", labels: {} });
  await engine.createSubscription({
    name: NAME,
    topic: "projects/p/topics/orders",
    labels: {},
    ackDeadlineSeconds: 60,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
    isExactlyOnce: true,
  });
  const { services, onHttpRequest } = createServices({ engine, clock, profile: "service" });
  const server = new GrpcServer(services, onHttpRequest);
  const client = new Client(`127.0.0.1:${await server.listen(["127.0.0.1"], 0)}`, credentials.createInsecure());
  context.after(() => {
    client.close();
    server.close();
  });

  const acknowledge = (ackIds: string[]) =>
    new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest(
        "/google.pubsub.v1.Subscriber/Acknowledge",
        (request: string[]) =>
          Buffer.from(
            toBinary(
              AcknowledgeRequestSchema,
              create(AcknowledgeRequestSchema, { subscription: NAME, ackIds: request }),
            ),
          ),
        (bytes) => bytes,
        ackIds,
        { deadline: Date.now() + 10_000 },
        (error) => resolve(error),
      );
    });
  const statusOf = (error: ServiceError | null) => {
    assert.equal(error?.code, status.INVALID_ARGUMENT);
    assert.match(error.details, /^Some acknowledgement ids in the request were invalid\./);
    const [trailer] = error.metadata.get("grpc-status-details-bin");
    assert.ok(Buffer.isBuffer(trailer));
    const told = fromBinary(StatusSchema, trailer);
    assert.deepEqual([told.code, told.message], [status.INVALID_ARGUMENT, error.details]);
    return told;
  };

  engine.failures = [{ ackId: "ok2", reason: "unordered" }];
  assert.equal(await acknowledge(["ok1"]), null);
  const [detail, ...others] = statusOf(await acknowledge(["ok1", "ok2", "bad"])).details;
  assert.ok(detail);
  assert.equal(others.length, 0);
  const info = anyUnpack(detail, ErrorInfoSchema);
  assert.deepEqual([info?.reason, info?.domain], ["EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com"]);
  assert.deepEqual(info?.metadata, {
    ok2: "TRANSIENT_FAILURE_UNORDERED_ACK_ID",
    bad: "PERMANENT_FAILURE_INVALID_ACK_ID",
  });
  const many = Array.from({ length: 3_000 }, (_, index) => `bad${String(index).padStart(60, "0")}`);
  assert.deepEqual(statusOf(await acknowledge(many)).details, []);
  assert.equal(await acknowledge(["ok1"]), null);
});
