/**
 * Measures peal against raw limits and peers, and prints ratios.
 *
 *     npm run bench [-- --quick] [--only publish,pull] [--rounds N]
 *     npm run bench -- --only beside --beside FOLDER   # the same work on the build in another checkout, in turn
 *
 * `--quick` only checks that everything runs: it fails on errors, never on a figure.
 */
import { parseArgs } from "node:util";
import type { BenchContext } from "./bench-context.js";
import { canPin, describeMachine, findEmulator, GENERATOR_CORE, pin } from "./machine.js";
import { benchBacklog } from "./questions/backlog.js";
import { benchBeside } from "./questions/beside.js";
import { benchFootprint } from "./questions/footprint.js";
import { benchLatency } from "./questions/latency.js";
import { benchOrderingKeys } from "./questions/ordering-keys.js";
import { benchPublish, benchPublishSingles } from "./questions/publish.js";
import { benchPull } from "./questions/pull.js";
import { benchPush } from "./questions/push.js";
import { benchFilters, benchSemantics } from "./questions/semantics.js";
import { benchTopics } from "./questions/topics.js";
import { type Row, toMarkdown } from "./report.js";

const QUESTIONS: Readonly<Record<string, (context: BenchContext) => Promise<void>>> = {
  publish: benchPublish,
  single: benchPublishSingles,
  pull: benchPull,
  latency: benchLatency,
  footprint: benchFootprint,
  backlog: benchBacklog,
  topics: benchTopics,
  semantics: benchSemantics,
  filters: benchFilters,
  keys: benchOrderingKeys,
  push: benchPush,
  beside: benchBeside,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    only: { type: "string" },
    rounds: { type: "string" },
    beside: { type: "string" },
  },
});
const isQuick = values.quick ?? false;
const names = values.only?.split(",") ?? Object.keys(QUESTIONS);
const rows: Row[] = [];
const context: BenchContext = {
  isQuick,
  rounds: isQuick ? 1 : Number(values.rounds ?? 3),
  warmUpMs: isQuick ? 200 : 3_000,
  windowMs: isQuick ? 500 : 10_000,
  beside: values.beside,
  report: (row) => rows.push(row),
  log: (text) => process.stderr.write(`${text}\n`),
};

const machine = describeMachine();
pin(process.pid, GENERATOR_CORE);
for (const name of names) {
  const question = QUESTIONS[name];
  if (question === undefined) {
    process.stderr.write(`--only is ${JSON.stringify(name)}; use some of ${Object.keys(QUESTIONS).join(", ")}\n`);
    process.exit(2);
  }
  context.log(`${name} …`);
  await question(context);
}
process.stdout.write(`\n${machine}; ${canPin ? "server and generator on a core each" : "not pinned"}; `);
process.stdout.write(
  `${findEmulator() === undefined ? "no official emulator here" : "official emulator in the same run"}\n\n`,
);
process.stdout.write(`${toMarkdown(rows)}\n`);
if (isQuick) process.stdout.write("\nA quick run checks that everything runs; its figures mean nothing.\n");
process.exit(0);
