import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";

/** Runs a script with a logger of its own and returns its stderr. */
function logged(level: string, script: string): Record<string, unknown>[] {
  const url = new URL("./logger.js", import.meta.url).href;
  const source = `import { createLogger } from ${JSON.stringify(url)}; const log = createLogger("${level}"); ${script}`;
  const { stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", source], { timeout: 20_000 });
  assert.equal(status, 0, String(stderr));
  const lines = String(stderr).split("\n").filter(Boolean);
  return lines.map((line): Record<string, unknown> => JSON.parse(line));
}

test("lines logged before and after pino is loaded are JSON in their order, each with one time", () => {
  const lines = logged(
    "info",
    'log.info({ port: 1 }, "first"); log.error({}, "second"); await log.flush(); log.warn({}, "third");',
  );
  assert.deepEqual(
    lines.map((line) => [line["msg"], line["level"], line["port"]]),
    [
      ["first", 30, 1],
      ["second", 50, undefined],
      ["third", 40, undefined],
    ],
  );
  for (const line of lines) assert.ok(typeof line["time"] === "number");
});

test("what is below the level is not written", () => {
  assert.deepEqual(logged("warn", 'log.info({}, "no"); log.debug({}, "no"); await log.flush();'), []);
});

test("a silent logger writes nothing", () => {
  assert.deepEqual(logged("silent", 'log.fatal({}, "no"); await log.flush();'), []);
});

test("the last line before the process ends is written once flush has resolved", () => {
  assert.equal(logged("info", 'log.fatal({}, "end"); await log.flush(); process.exit(0);')[0]?.["msg"], "end");
});
