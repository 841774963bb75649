import assert from "node:assert/strict";
import { test } from "node:test";
import { httpRoutes } from "@peal/wire";
import { apiFixture } from "./api-fixture.test.support.js";
import { createServices } from "./create-services.js";
import { ALL_METHODS, pathOf } from "./handlers/admin-methods.js";
import { ADMIN_METHOD_NAMES, HOT_METHOD_NAMES } from "./method-paths.js";

function pathsOf(names: { readonly [service: string]: readonly string[] }): string[] {
  return Object.entries(names).flatMap(([service, methods]) => methods.map((method) => `/${service}/${method}`));
}

test("the methods written down are those of the protos", () => {
  const written = [...pathsOf(ADMIN_METHOD_NAMES), ...pathsOf(HOT_METHOD_NAMES)];
  assert.deepEqual(written.sort(), ALL_METHODS.map(pathOf).sort());
});

test("every method of the protos is served", () => {
  const { engine, clock } = apiFixture();
  const { services } = createServices({ engine, clock, profile: "service" });
  const served = services.flatMap(({ name, methods }) => methods.map((method) => `/${name}/${method.name}`));
  assert.deepEqual(served.sort(), ALL_METHODS.map(pathOf).sort());
});

test("every method but the streaming one has a REST route", () => {
  const routed = new Set(httpRoutes().map(({ method }) => pathOf(method)));
  const missing = ALL_METHODS.map(pathOf).filter((path) => !routed.has(path));
  assert.deepEqual(missing, ["/google.pubsub.v1.Subscriber/StreamingPull"]);
});
