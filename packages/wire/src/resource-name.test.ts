import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  isProjectId,
  isResourceId,
  lastSegment,
  parseProjectName,
  parseResourceName,
  parseSchemaName,
  parseSchemaRevisionName,
  parseSnapshotName,
  parseSubscriptionName,
  parseTopicName,
  projectIdOf,
  projectOf,
  randomResourceId,
} from "./resource-name.js";

const PROFILES = ["service", "emulator"] as const;

const resourceIds = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9\-_.~+%]{2,40}$/)
  .filter((id) => !id.toLowerCase().startsWith("goog"));
const projectIds = fc.stringMatching(/^[a-z][a-z0-9-]{4,20}(:[a-z]{1,8})?$/);

// NAME-001, NAME-002, NAME-004
test("an id has 3 to 255 characters and starts with a letter", () => {
  for (const profile of PROFILES) {
    assert.ok(isResourceId("abc", profile));
    assert.ok(isResourceId("a".repeat(255), profile));
    for (const id of ["", "ab", "a".repeat(256), "1abc", "-abc", "_abc", "abc/d", "abc d", "abc\n", "abc@1"]) {
      assert.ok(!isResourceId(id, profile), JSON.stringify(id));
    }
  }
});

// NAME-003, NAME-006
test("an id takes the legal punctuation and nothing outside ASCII", () => {
  for (const profile of PROFILES) {
    assert.ok(isResourceId("a-_.~+%z9", profile));
    for (const id of ["tópico", "abc\u0000", "ab\u{1f600}", "aſc"]) assert.ok(!isResourceId(id, profile));
  }
});

// NAME-005
test("the prefix goog is reserved in any letter case for the service, in lower case for the emulator", () => {
  for (const id of ["goog", "google-topic", "goog.x"])
    for (const profile of PROFILES) assert.ok(!isResourceId(id, profile));
  for (const id of ["GoOgle-topic", "GOOG", "Goog1"]) {
    assert.ok(!isResourceId(id, "service"));
    assert.ok(isResourceId(id, "emulator"));
  }
  assert.ok(isResourceId("agoog", "service"));
});

test("a project is any bounded segment without slash, control character or lone surrogate", () => {
  for (const id of ["p", "my-project", "example.com:legacy", "123456789", "_", "a".repeat(255), "проект"])
    assert.ok(isProjectId(id));
  for (const id of ["", "a/b", "a\u0000", "a\n", "\ud800", "a".repeat(256)]) assert.ok(!isProjectId(id));
});

// NAME-007
test("a name parses in its own collection only", () => {
  const parsers = {
    topics: parseTopicName,
    subscriptions: parseSubscriptionName,
    snapshots: parseSnapshotName,
    schemas: parseSchemaName,
  };
  fc.assert(
    fc.property(projectIds, resourceIds, fc.constantFrom(...PROFILES), (project, id, profile) => {
      for (const collection of Object.keys(parsers)) {
        const text = `projects/${project}/${collection}/${id}`;
        for (const [other, parse] of Object.entries(parsers)) {
          assert.equal(parse(text, profile), other === collection ? text : undefined);
        }
        const parsed = parseResourceName(text, profile);
        assert.ok(parsed !== undefined);
        assert.deepEqual([parsed.collection, parsed.name], [collection, text]);
        assert.equal(projectOf(parsed.name), `projects/${project}`);
        assert.equal(projectIdOf(parsed.name), project);
        assert.equal(lastSegment(parsed.name), id);
      }
    }),
  );
});

test("malformed names do not parse", () => {
  const malformed = [
    "",
    "/",
    "topics/abc",
    "projects//topics/abc",
    "projects/p/topics/",
    "projects/p/topics/ab",
    "projects/p/topics/abc/",
    "/projects/p/topics/abc",
    "projects/p/q/topics/abc",
    "projects/p/topics/abc/topics/abc",
    "project/p/topics/abc",
    "projects/topics/abc",
    "projects/p/Topics/abc",
    "_deleted-topic_",
  ];
  for (const text of malformed) assert.equal(parseTopicName(text, "emulator"), undefined, text);
  for (const text of ["", "projects", "projects/", "projects/a/b", "p"])
    assert.equal(parseProjectName(text), undefined);
  assert.equal(parseProjectName("projects/p"), "projects/p");
});

test("a schema name splits from its revision", () => {
  assert.deepEqual(parseSchemaRevisionName("projects/p/schemas/abc", "service"), {
    schema: "projects/p/schemas/abc",
    revisionId: undefined,
  });
  assert.deepEqual(parseSchemaRevisionName("projects/p/schemas/abc@c7cfa2a8", "service"), {
    schema: "projects/p/schemas/abc",
    revisionId: "c7cfa2a8",
  });
  assert.deepEqual(parseSchemaRevisionName("projects/a@b/schemas/abc", "service"), {
    schema: "projects/a@b/schemas/abc",
    revisionId: undefined,
  });
  for (const text of [
    "projects/p/schemas/abc@",
    "projects/p/schemas/abc@1@2",
    "projects/p/schemas/@1",
    "projects/p/topics/abc@1",
  ]) {
    assert.equal(parseSchemaRevisionName(text, "service"), undefined, text);
  }
  assert.equal(parseSchemaName("projects/p/schemas/abc@c7cfa2a8", "service"), undefined);
});

// NAME-012, NAME-013
test("a drawn id conforms whatever the random source gives", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (stream) => {
      const id = randomResourceId(() => stream.next().value ?? 0);
      for (const profile of PROFILES) assert.ok(isResourceId(id, profile));
    }),
  );
  assert.notEqual(randomResourceId(Math.random), randomResourceId(Math.random));
});
