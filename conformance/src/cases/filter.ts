import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { lastSegment } from "../texts.js";

type Attributes = Record<string, string>;

/** Publishes a message for each set of attributes; returns which of them pass the filter. */
async function passing(context: Context, filter: string, candidates: readonly Attributes[]): Promise<number[]> {
  const topic = await context.createTopic();
  const subscription = await context.createSubscription(topic, { filter });
  const messages = candidates.map((attributes, index) => ({ data: Buffer.from(String(index)), attributes }));
  await context.publish(topic, ...messages);
  // A pull sees all that was published before it (S-1.14).
  return (await context.pullNow(subscription, 100)).map(dataOf).map(Number).sort();
}

/** Returns how many undelivered messages the server's metrics tell of, or `undefined` where it has no metrics. */
async function backlogOf(context: Context, subscription: string): Promise<number | undefined> {
  const scrape = await context.rest("GET", "/metrics");
  if (scrape.status !== 200) return undefined;
  const rows = scrape.text.split("\n").filter((row) => row.includes("num_undelivered_messages{"));
  const row = rows.find((one) => one.includes(`"${lastSegment(subscription)}"`) && one.includes(context.project));
  return row === undefined ? undefined : Number(row.slice(row.lastIndexOf(" ") + 1));
}

function filterCase(
  id: string,
  title: string,
  checks: readonly [filter: string, candidates: readonly Attributes[], passing: readonly number[]][],
): ConformanceCase {
  return {
    id,
    title,
    needs: ["filter"],
    run: async (context) => {
      for (const [filter, candidates, expected] of checks) {
        assert.deepEqual(await passing(context, filter, candidates), expected, filter);
      }
    },
  };
}

function refusalCase(id: string, title: string, filters: readonly string[], profile?: "service"): ConformanceCase {
  return {
    id,
    title,
    needs: ["filter"],
    ...(profile === undefined ? {} : { profile }),
    run: async (context) => {
      const topic = await context.createTopic();
      for (const filter of filters) {
        await context.refuses(context.createSubscription(topic, { filter }), "INVALID_ARGUMENT");
      }
    },
  };
}

const A: Attributes = { a: "1" };
const B: Attributes = { b: "2" };
const BOTH: Attributes = { a: "1", b: "2" };
const OTHER: Attributes = { a: "other" };
const EMPTY: Attributes = { a: "" };

export const FILTER_CASES: readonly ConformanceCase[] = [
  filterCase("FLT-001", "attributes:k passes where the key is there", [["attributes:a", [A, B, EMPTY], [0, 2]]]),
  filterCase("FLT-002", "= passes where the value is equal", [['attributes.a = "1"', [A, OTHER, B], [0]]]),
  filterCase("FLT-003", "!= passes where the value differs or is absent", [
    ['attributes.a != "1"', [A, OTHER, B], [1, 2]],
  ]),
  filterCase("FLT-004", "hasPrefix passes where the value starts so", [
    ['hasPrefix(attributes.a, "oth")', [A, OTHER, B], [1]],
    ['hasPrefix(attributes.a, "")', [A, B], [0]],
  ]),
  filterCase("FLT-005", "NOT and - negate", [
    ["NOT attributes:a", [A, B], [1]],
    ["-attributes:a", [A, B], [1]],
    ['NOT hasPrefix(attributes.a, "o")', [A, OTHER, B], [0, 2]],
  ]),
  filterCase("FLT-006", "AND passes where all do", [["attributes:a AND attributes:b", [A, B, BOTH], [2]]]),
  filterCase("FLT-007", "OR passes where one does", [["attributes:a OR attributes:b", [A, B, { c: "3" }], [0, 1]]]),
  filterCase("FLT-008", "parentheses group", [
    ['attributes:b AND (attributes.a = "1" OR attributes.a = "other")', [A, B, BOTH], [2]],
    ["NOT (attributes:a AND attributes:b)", [A, B, BOTH], [0, 1]],
  ]),
  refusalCase("FLT-009", "AND with OR needs parentheses", ["attributes:a AND attributes:b OR attributes:c"], "service"),
  refusalCase("FLT-010", "operators are upper case", [
    "attributes:a and attributes:b",
    "attributes:a or attributes:b",
    "not attributes:a",
  ]),
  filterCase("FLT-011", "keys may be quoted, and texts may hold escapes", [
    ['attributes."iana.org/language_tag" = "en"', [{ "iana.org/language_tag": "en" }, A], [0]],
    ['attributes.a = "\\u307F"', [{ a: "\u307f" }, A], [0]],
    ['attributes.a = "\\x41\\102"', [{ a: "AB" }, A], [0]],
  ]),
  refusalCase("FLT-012", "what the grammar does not know is refused", [
    '"1" = attributes.a',
    "attributes.a = attributes.b",
    "attributes.a = bare",
    'attributes.a == "1"',
    'hasSuffix(attributes.a, "1")',
    'attributes.a = "1" attributes.b',
    "attributes",
  ]),
  {
    id: "FLT-013",
    title: "a filter has at most 256 bytes",
    needs: ["filter"],
    run: async (context) => {
      const topic = await context.createTopic();
      const filterOf = (bytes: number): string => `attributes.a = "${"v".repeat(bytes - 'attributes.a = ""'.length)}"`;
      await context.createSubscription(topic, { filter: filterOf(256) });
      await context.refuses(context.createSubscription(topic, { filter: filterOf(257) }), "INVALID_ARGUMENT");
    },
  },
  {
    id: "FLT-014",
    title: "a filter cannot be changed",
    needs: ["filter"],
    run: async (context) => {
      const topic = await context.createTopic();
      const name = await context.createSubscription(topic, { filter: "attributes:a" });
      await context.refuses(
        context.subscriber.updateSubscription({
          subscription: { name, filter: "attributes:b" },
          updateMask: { paths: ["filter"] },
        }),
        "INVALID_ARGUMENT",
      );
    },
  },
  {
    id: "FLT-015",
    title: "what does not match is not in the backlog, not replayed by a seek, and gone for good",
    needs: ["filter", "seek"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ filter: "attributes:a", retainAckedMessages: true });
      const messages = [A, B, BOTH, B, {}].map((attributes, index) => ({
        data: Buffer.from(String(index)),
        attributes,
      }));
      await context.publish(topic, ...messages);
      // A server that tells its backlog tells that of what matches.
      const told = await backlogOf(context, subscription);
      if (told !== undefined) assert.equal(told, 2);
      const received = await context.pullNow(subscription);
      assert.deepEqual(received.map(dataOf), ["0", "2"]);
      await context.acknowledge(subscription, received.map(ackIdOf));
      await context.subscriber.seek({ subscription, time: { seconds: 1_000_000_000 } });
      assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["0", "2"]);
    },
  },
  {
    id: "FLT-015",
    title: "a filter holds across a kill in the middle of its backlog",
    needs: ["filter"],
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair({ filter: "attributes:a" });
      const publish = (from: number) =>
        context.publish(
          topic,
          ...Array.from({ length: 100 }, (_, index) => ({
            data: Buffer.from(String(from + index)),
            attributes: (from + index) % 3 === 0 ? A : B,
          })),
        );
      await publish(0);
      const received = await context.pullNow(subscription, 10);
      assert.deepEqual(received.map(dataOf), ["0", "3", "6", "9", "12", "15", "18", "21", "24", "27"]);
      await context.acknowledge(subscription, received.map(ackIdOf));
      await server.killAndRestart();
      await publish(100);
      const rest = Array.from({ length: 57 }, (_, index) => String(30 + 3 * index));
      assert.deepEqual((await context.pull(subscription, rest.length)).map(dataOf), rest);
      await context.expectNothing(subscription, "nothing else matches");
    },
  },
  filterCase("FLT-016", "keys and values are case sensitive", [
    ['attributes.a = "x"', [{ a: "x" }, { a: "X" }, { A: "x" }], [0]],
  ]),
  filterCase("FLT-017", "an empty filter passes everything", [
    ["", [A, B], [0, 1]],
    ["  ", [A, B], [0, 1]],
  ]),
];
