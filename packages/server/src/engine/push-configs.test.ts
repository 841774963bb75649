import assert from "node:assert/strict";
import { test } from "node:test";
import { PushConfigs } from "./push-configs.js";
import type { PushConfig } from "./settings.js";

function configOf(endpoint: string): PushConfig {
  return { endpoint, attributes: {} };
}

test("who watches is told of what is there and of every change, and of nothing else", () => {
  const configs = new PushConfigs();
  const told: (readonly [string, string | undefined])[] = [];
  configs.note("early", configOf("https://a"));
  configs.watch((name, config) => told.push([name, config?.endpoint]));
  configs.note("late", configOf("https://b"));
  configs.note("late", configOf("https://b"));
  configs.note("pulled", undefined);
  configs.note("late", configOf("https://c"));
  configs.note("early", undefined);
  configs.note("early", undefined);
  assert.deepEqual(told, [
    ["early", "https://a"],
    ["late", "https://b"],
    ["late", "https://c"],
    ["early", undefined],
  ]);
});
