/** `npm run crash -- [--cycles N] [--seed S]`: kill -9 of the real process, and a comparison with what it had promised. */
import { parseArgs } from "node:util";
import { crashRun } from "./crash-run.js";

const CYCLES_DEFAULT = 20;
const SEED_LIMIT = 2 ** 32;

const { values } = parseArgs({ options: { cycles: { type: "string" }, seed: { type: "string" } } });
const cycles = wholeNumber("cycles", values.cycles, CYCLES_DEFAULT);
const seed = wholeNumber("seed", values.seed, Math.floor(Math.random() * SEED_LIMIT));

console.log(`crash: ${cycles} cycles, seed ${seed}`);
try {
  const summary = await crashRun({ cycles, seed, report: console.log });
  console.log(
    `crash: ${summary.kills} kills under load, ${summary.killsDuringStart} during start, ${summary.rebuilds} with the index taken away;`,
    `${summary.published} messages acknowledged, ${summary.acked} acks confirmed: nothing lost, nothing undone`,
  );
  console.log(`  ${summary.segments.begun} segments begun, ${summary.segments.standing} standing at the end`);
  for (const [event, count] of summary.events) console.log(`  ${count} x ${event}`);
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error);
  console.error(`crash: FAILED with seed ${seed}. Again: npm run crash -- --cycles ${cycles} --seed ${seed}`);
  console.error("(the decisions repeat; the instants of the kills are real time, so it may take a few runs)");
  process.exitCode = 1;
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  console.error(`--${name} is ${JSON.stringify(text)}; use a whole number`);
  process.exit(2);
}
