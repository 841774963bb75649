import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { lockTree } from "./tree-lock.mjs";

const LIMIT = { timeout: 20_000 };
const holder = `import { lockTree } from ${JSON.stringify(new URL("./tree-lock.mjs", import.meta.url).href)};
  await lockTree(process.argv[1]);
  process.stdout.write("held");
  setInterval(() => undefined, 1_000);`;

test("a second owner waits for the first", LIMIT, async () => {
  const order = [];
  const unlock = await lockTree(`first-${process.pid}`);
  const second = lockTree(`first-${process.pid}`).then((release) => {
    order.push("second has it");
    release();
  });
  order.push("first gives it back");
  unlock();
  await second;
  assert.deepEqual(order, ["first gives it back", "second has it"]);
});

test("a lock goes with its process, however that ends", LIMIT, async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", holder, `killed-${process.pid}`], {
    stdio: "pipe",
  });
  await once(child.stdout, "data");
  const mine = lockTree(`killed-${process.pid}`);
  child.kill("SIGKILL");
  (await mine)();
  await once(child, "exit");
});

test("two trees do not wait for each other", LIMIT, async () => {
  const releases = await Promise.all([lockTree(`a-${process.pid}`), lockTree(`b-${process.pid}`)]);
  for (const release of releases) release();
});
