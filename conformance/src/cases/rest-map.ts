import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { isObject, type JsonObject, okJson } from "../rest.js";

const AVRO = { type: "AVRO", definition: '{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}' };

/** Calls one row of the REST map and returns its JSON; fails unless it answers 200. */
async function call(context: Context, verb: string, path: string, body?: JsonObject): Promise<JsonObject> {
  return okJson(await context.rest(verb, path, body));
}

export const REST_MAP_CASES: readonly ConformanceCase[] = [
  {
    id: "REST-001",
    title: "every row of topics and subscriptions is reachable",
    run: async (context) => {
      const topic = context.topicName("topic");
      const name = context.subscriptionName("sub");
      assert.equal((await call(context, "PUT", "/topics/topic", {}))["name"], topic);
      const topicUpdate = { topic: { labels: { k: "v" } }, updateMask: "labels" };
      assert.deepEqual((await call(context, "PATCH", "/topics/topic", topicUpdate))["labels"], { k: "v" });
      assert.equal((await call(context, "PUT", "/subscriptions/sub", { topic }))["name"], name);
      const published = await call(context, "POST", "/topics/topic:publish", { messages: [{ data: "aGk=" }] });
      assert.equal((published["messageIds"] as string[]).length, 1);
      assert.equal((await call(context, "GET", "/topics/topic"))["name"], topic);
      assert.equal(((await call(context, "GET", "/topics"))["topics"] as JsonObject[]).length, 1);
      assert.deepEqual((await call(context, "GET", "/topics/topic/subscriptions"))["subscriptions"], [name]);
      assert.equal((await call(context, "GET", "/subscriptions/sub"))["name"], name);
      const update = { subscription: { ackDeadlineSeconds: 30 }, updateMask: "ackDeadlineSeconds" };
      assert.equal((await call(context, "PATCH", "/subscriptions/sub", update))["ackDeadlineSeconds"], 30);
      assert.equal(((await call(context, "GET", "/subscriptions"))["subscriptions"] as JsonObject[]).length, 1);

      const pulled = await call(context, "POST", "/subscriptions/sub:pull", { maxMessages: 10 });
      const received = (pulled["receivedMessages"] as JsonObject[])[0];
      assert.ok(isObject(received));
      const ackIds = [received["ackId"] as string];
      const modify = { ackIds, ackDeadlineSeconds: 30 };
      assert.deepEqual(await call(context, "POST", "/subscriptions/sub:modifyAckDeadline", modify), {});
      assert.deepEqual(await call(context, "POST", "/subscriptions/sub:acknowledge", { ackIds }), {});
      assert.deepEqual(await call(context, "POST", "/subscriptions/sub:detach"), {});
      assert.deepEqual(await call(context, "DELETE", "/subscriptions/sub"), {});
      assert.deepEqual(await call(context, "DELETE", "/topics/topic"), {});
    },
  },
  {
    id: "REST-001",
    title: "modifyPushConfig is reachable",
    needs: ["push"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const pushConfig = { pushEndpoint: "https://example.com/push" };
      assert.deepEqual(await call(context, "POST", `/v1/${subscription}:modifyPushConfig`, { pushConfig }), {});
    },
  },
  {
    id: "REST-001",
    title: "every row of snapshots is reachable",
    needs: ["snapshots", "seek"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const snapshot = context.snapshotName("snap");
      assert.equal((await call(context, "PUT", "/snapshots/snap", { subscription }))["name"], snapshot);
      assert.equal((await call(context, "GET", "/snapshots/snap"))["topic"], topic);
      assert.equal(((await call(context, "GET", "/snapshots"))["snapshots"] as JsonObject[]).length, 1);
      assert.deepEqual((await call(context, "GET", `/v1/${topic}/snapshots`))["snapshots"], [snapshot]);
      const update = { snapshot: { labels: { k: "v" } }, updateMask: "labels" };
      assert.deepEqual((await call(context, "PATCH", "/snapshots/snap", update))["labels"], { k: "v" });
      assert.deepEqual(await call(context, "POST", `/v1/${subscription}:seek`, { snapshot }), {});
      assert.deepEqual(await call(context, "DELETE", "/snapshots/snap"), {});
    },
  },
  {
    id: "REST-001",
    title: "every row of schemas is reachable",
    needs: ["schemas"],
    run: async (context) => {
      const name = `projects/${context.project}/schemas/schema`;
      const made = await call(context, "POST", "/schemas?schemaId=schema", AVRO);
      assert.equal(made["name"], name);
      const firstRevision = String(made["revisionId"]);
      assert.equal((await call(context, "GET", "/schemas/schema"))["definition"], AVRO.definition);
      assert.equal(((await call(context, "GET", "/schemas?view=FULL"))["schemas"] as JsonObject[]).length, 1);
      await call(context, "POST", "/schemas/schema:commit", { schema: { ...AVRO, name } });
      assert.equal(
        ((await call(context, "GET", "/schemas/schema:listRevisions"))["schemas"] as JsonObject[]).length,
        2,
      );
      await call(context, "POST", "/schemas/schema:rollback", { revisionId: firstRevision });
      await call(context, "DELETE", `/schemas/schema@${firstRevision}:deleteRevision`);
      assert.deepEqual(await call(context, "POST", "/schemas:validate", { schema: AVRO }), {});
      const message = { schema: AVRO, message: Buffer.from('{"f":"x"}').toString("base64"), encoding: "JSON" };
      assert.deepEqual(await call(context, "POST", "/schemas:validateMessage", message), {});
      assert.deepEqual(await call(context, "DELETE", "/schemas/schema"), {});
    },
  },
  {
    id: "REST-001",
    title: "every row of access control is reachable",
    needs: ["iam"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const resource of [topic, subscription]) {
        await call(context, "GET", `/v1/${resource}:getIamPolicy`);
        await call(context, "POST", `/v1/${resource}:setIamPolicy`, { policy: {} });
        await call(context, "POST", `/v1/${resource}:testIamPermissions`, { permissions: [] });
      }
    },
  },
];
