import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "./options.js";

test("the endpoint comes from the option before the environment, without a scheme", () => {
  const env = { PUBSUB_EMULATOR_HOST: "http://localhost:8085" };
  assert.equal(parseOptions([], env).endpoint, "localhost:8085");
  assert.equal(parseOptions(["--endpoint", "localhost:1"], env).endpoint, "localhost:1");
  assert.equal(parseOptions(["--emulator"], env).endpoint, undefined);
  assert.equal(parseOptions([], {}).endpoint, undefined);
});

test("ids and clients are lists, and what is unknown is refused with the choices", () => {
  const options = parseOptions(["--only", "ack-002, STR", "--clients", "go"], {});
  assert.deepEqual(options.only, ["ACK-002", "STR"]);
  assert.deepEqual([...options.clients], ["go"]);
  assert.throws(() => parseOptions(["--clients", "cobol"], {}), /node, python, go, java/);
  assert.throws(() => parseOptions(["--profile", "strict"], {}), /service or emulator/);
});
