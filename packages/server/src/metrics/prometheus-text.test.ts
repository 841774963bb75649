import assert from "node:assert/strict";
import test from "node:test";
import { labelsOf, type MetricFamily, renderMetrics } from "./prometheus-text.js";

async function render(families: readonly MetricFamily[]): Promise<string[]> {
  const slices: string[] = [];
  for await (const slice of renderMetrics(families)) slices.push(slice);
  return slices;
}

test("a family has its help, its type and one line per sample", async () => {
  const samples = [
    { labels: "", value: 1 },
    { labels: labelsOf({ topic_id: "t", code: "OK" }), value: 2.5 },
  ];
  assert.deepEqual(await render([{ name: "a_b", type: "gauge", help: "What\nit is", samples }]), [
    '# HELP a_b What\\nit is\n# TYPE a_b gauge\na_b 1\na_b{topic_id="t",code="OK"} 2.5\n',
  ]);
});

test("labels are escaped", () => {
  assert.equal(labelsOf({ x: 'a"b\\c\nd' }), '{x="a\\"b\\\\c\\nd"}');
  assert.equal(labelsOf({}), "");
});

test("a big scrape comes in small slices, and other work has its turn after each", async () => {
  const samples = Array.from({ length: 20_000 }, (_, index) => ({
    labels: labelsOf({ s: `s${index}` }),
    value: index,
  }));
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const slices = await render(
    Array.from({ length: 3 }, (_, index) => ({ name: `m${index}`, type: "counter", help: "h", samples })),
  );
  isDone = true;
  assert.equal(slices.join("").split("\n").length, 3 * 20_000 + 3 * 2 + 1);
  assert.ok(slices.every((slice) => slice.length < 16 * 1024));
  assert.ok(turns >= 240, `other work ran ${turns} times between 240 slices`);
});
