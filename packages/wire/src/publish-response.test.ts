import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PublishResponseSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { encodePublishResponse, encodePublishResponseOf } from "./publish-response.js";

const firstIds = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1000 }),
  fc.tuple(fc.integer({ min: 1, max: 15 }), fc.nat(30)).map(([digits, below]) => Math.max(0, 10 ** digits - below)),
);

test("a publish response holds consecutive ids, across every change of their length", () => {
  fc.assert(
    fc.property(firstIds, fc.nat(60), (first, count) => {
      const expected = Array.from({ length: count }, (_, index) => String(first + index));
      assert.deepEqual(fromBinary(PublishResponseSchema, encodePublishResponse(first, count)).messageIds, expected);
      assert.deepEqual(
        Buffer.from(encodePublishResponseOf(expected)),
        Buffer.from(encodePublishResponse(first, count)),
      );
    }),
  );
});
