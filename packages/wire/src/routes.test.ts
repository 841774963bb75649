import assert from "node:assert/strict";
import { test } from "node:test";
import { httpRoutes, matchRoute } from "./routes.js";

const PROJECT = "projects/p";
const TOPIC = `${PROJECT}/topics/abc`;
const SUBSCRIPTION = `${PROJECT}/subscriptions/abc`;
const SNAPSHOT = `${PROJECT}/snapshots/abc`;
const SCHEMA = `${PROJECT}/schemas/abc`;

type Row = readonly [method: string, verb: string, path: string, field: string, value: string, body: string];

/** Service reference 1.1, row by row. */
const ROWS: readonly Row[] = [
  ["Publisher.CreateTopic", "PUT", TOPIC, "name", TOPIC, "*"],
  ["Publisher.UpdateTopic", "PATCH", TOPIC, "topic.name", TOPIC, "*"],
  ["Publisher.Publish", "POST", `${TOPIC}:publish`, "topic", TOPIC, "*"],
  ["Publisher.GetTopic", "GET", TOPIC, "topic", TOPIC, ""],
  ["Publisher.ListTopics", "GET", `${PROJECT}/topics`, "project", PROJECT, ""],
  ["Publisher.ListTopicSubscriptions", "GET", `${TOPIC}/subscriptions`, "topic", TOPIC, ""],
  ["Publisher.ListTopicSnapshots", "GET", `${TOPIC}/snapshots`, "topic", TOPIC, ""],
  ["Publisher.DeleteTopic", "DELETE", TOPIC, "topic", TOPIC, ""],
  ["Publisher.DetachSubscription", "POST", `${SUBSCRIPTION}:detach`, "subscription", SUBSCRIPTION, ""],
  ["Subscriber.CreateSubscription", "PUT", SUBSCRIPTION, "name", SUBSCRIPTION, "*"],
  ["Subscriber.GetSubscription", "GET", SUBSCRIPTION, "subscription", SUBSCRIPTION, ""],
  ["Subscriber.UpdateSubscription", "PATCH", SUBSCRIPTION, "subscription.name", SUBSCRIPTION, "*"],
  ["Subscriber.ListSubscriptions", "GET", `${PROJECT}/subscriptions`, "project", PROJECT, ""],
  ["Subscriber.DeleteSubscription", "DELETE", SUBSCRIPTION, "subscription", SUBSCRIPTION, ""],
  ["Subscriber.ModifyAckDeadline", "POST", `${SUBSCRIPTION}:modifyAckDeadline`, "subscription", SUBSCRIPTION, "*"],
  ["Subscriber.Acknowledge", "POST", `${SUBSCRIPTION}:acknowledge`, "subscription", SUBSCRIPTION, "*"],
  ["Subscriber.Pull", "POST", `${SUBSCRIPTION}:pull`, "subscription", SUBSCRIPTION, "*"],
  ["Subscriber.ModifyPushConfig", "POST", `${SUBSCRIPTION}:modifyPushConfig`, "subscription", SUBSCRIPTION, "*"],
  ["Subscriber.GetSnapshot", "GET", SNAPSHOT, "snapshot", SNAPSHOT, ""],
  ["Subscriber.ListSnapshots", "GET", `${PROJECT}/snapshots`, "project", PROJECT, ""],
  ["Subscriber.CreateSnapshot", "PUT", SNAPSHOT, "name", SNAPSHOT, "*"],
  ["Subscriber.UpdateSnapshot", "PATCH", SNAPSHOT, "snapshot.name", SNAPSHOT, "*"],
  ["Subscriber.DeleteSnapshot", "DELETE", SNAPSHOT, "snapshot", SNAPSHOT, ""],
  ["Subscriber.Seek", "POST", `${SUBSCRIPTION}:seek`, "subscription", SUBSCRIPTION, "*"],
  ["SchemaService.CreateSchema", "POST", `${PROJECT}/schemas`, "parent", PROJECT, "schema"],
  ["SchemaService.GetSchema", "GET", SCHEMA, "name", SCHEMA, ""],
  ["SchemaService.ListSchemas", "GET", `${PROJECT}/schemas`, "parent", PROJECT, ""],
  ["SchemaService.ListSchemaRevisions", "GET", `${SCHEMA}:listRevisions`, "name", SCHEMA, ""],
  ["SchemaService.CommitSchema", "POST", `${SCHEMA}:commit`, "name", SCHEMA, "*"],
  ["SchemaService.RollbackSchema", "POST", `${SCHEMA}:rollback`, "name", SCHEMA, "*"],
  ["SchemaService.DeleteSchemaRevision", "DELETE", `${SCHEMA}:deleteRevision`, "name", SCHEMA, ""],
  ["SchemaService.DeleteSchema", "DELETE", SCHEMA, "name", SCHEMA, ""],
  ["SchemaService.ValidateSchema", "POST", `${PROJECT}/schemas:validate`, "parent", PROJECT, "*"],
  ["SchemaService.ValidateMessage", "POST", `${PROJECT}/schemas:validateMessage`, "parent", PROJECT, "*"],
  ...[TOPIC, SUBSCRIPTION, SNAPSHOT, SCHEMA].flatMap((resource): Row[] => [
    ["IAMPolicy.GetIamPolicy", "GET", `${resource}:getIamPolicy`, "resource", resource, ""],
    ["IAMPolicy.GetIamPolicy", "POST", `${resource}:getIamPolicy`, "resource", resource, "*"],
    ["IAMPolicy.SetIamPolicy", "POST", `${resource}:setIamPolicy`, "resource", resource, "*"],
    ["IAMPolicy.TestIamPermissions", "POST", `${resource}:testIamPermissions`, "resource", resource, "*"],
  ]),
];

/** What a path leads to, in the form of a row; undefined for nothing. */
function found(verb: string, path: string): Row | undefined {
  const match = matchRoute(verb, `/v1/${path}`);
  if (match === undefined) return undefined;
  const [[field, value] = ["", ""], ...others] = [...match.bindings];
  assert.deepEqual(others, []);
  const { method, body } = match.route;
  return [`${method.parent.name}.${method.name}`, verb, path, field, value, body];
}

// REST-001, REST-014
test("every row of the REST map leads to its method, with its binding and body", () => {
  for (const row of ROWS) assert.deepEqual(found(row[1], row[2]), row);
});

test("there is no route beyond the REST map", () => {
  assert.equal(httpRoutes().length, ROWS.length);
  const methods = new Set(httpRoutes().map(({ method }) => method.name));
  assert.ok(!methods.has("StreamingPull"));
});

// REST-015
test("schemas:validate is not taken for a schema's id, nor a schema called validate for the method", () => {
  assert.equal(found("POST", `${PROJECT}/schemas:validate`)?.[0], "SchemaService.ValidateSchema");
  assert.equal(found("GET", `${PROJECT}/schemas/validate`)?.[4], `${PROJECT}/schemas/validate`);
  assert.equal(found("POST", `${PROJECT}/schemas/validate`), undefined);
});

// NAME-003
test("a path is percent-decoded once, and an encoded colon is a colon", () => {
  assert.equal(found("POST", `${TOPIC}%3Apublish`)?.[0], "Publisher.Publish");
  assert.equal(found("POST", `${TOPIC}%3apublish`)?.[4], TOPIC);
  assert.equal(found("GET", `${PROJECT}/topics/a%2Bb%25c~d`)?.[4], `${PROJECT}/topics/a+b%c~d`);
  assert.equal(found("GET", `${PROJECT}/topics/a+b`)?.[4], `${PROJECT}/topics/a+b`);
  assert.equal(found("GET", `${TOPIC}%253Apublish`)?.[4], `${TOPIC}%3Apublish`);
  assert.equal(found("GET", `${PROJECT}/topics/a%2Fb`)?.[4], `${PROJECT}/topics/a/b`);
  assert.equal(found("GET", "projects/example.com:p/topics")?.[4], "projects/example.com:p");
  assert.equal(found("GET", `${SCHEMA}@c7cfa2a8`)?.[4], `${SCHEMA}@c7cfa2a8`);
});

// REST-008
test("other paths and other verbs lead nowhere", () => {
  for (const path of ["", "projects", PROJECT, "projects//topics", `${PROJECT}/topics/`, `${TOPIC}/`, `${TOPIC}/x`]) {
    assert.equal(found("GET", path), undefined, path);
  }
  for (const path of [`${TOPIC}:unknown`, `${TOPIC}:`, `${PROJECT}/Topics/abc`]) {
    assert.equal(found("POST", path), undefined, path);
  }
  assert.equal(found("POST", `${PROJECT}/topics/%E0%A4%A`), undefined);
  assert.equal(found("GET", `${TOPIC}:publish`), undefined);
  assert.equal(found("GET", `${TOPIC}:`)?.[4], `${TOPIC}:`);
  assert.equal(found("HEAD", TOPIC), undefined);
  assert.equal(found("POST", `${PROJECT}:getIamPolicy`), undefined);
  assert.equal(matchRoute("GET", `/v2/${TOPIC}`), undefined);
  assert.equal(matchRoute("GET", TOPIC), undefined);
});
