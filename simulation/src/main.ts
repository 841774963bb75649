/** Usage: npm run simulate -- [--seed N] [--seeds COUNT] [--steps S]. Without a seed a fresh one is drawn and told. */
import { parseArgs } from "node:util";
import { SimulationFailure, simulate } from "./simulate.js";

const STEPS = 5_000;
const SEED_MAX = 2 ** 31;

const { values } = parseArgs({
  options: { seed: { type: "string" }, seeds: { type: "string" }, steps: { type: "string" } },
});
const steps = whole("steps", values.steps ?? String(STEPS));
const seeds = whole("seeds", values.seeds ?? "1");
const firstSeed = whole("seed", values.seed ?? String(Math.floor(Math.random() * SEED_MAX)));

for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  try {
    const result = await simulate(seed, steps);
    console.log(
      Object.entries(result)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
    );
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    console.error(error.lastLines.join("\n"));
    console.error(error.stack);
    if (error.cause instanceof Error) console.error(error.cause.stack);
    console.error(`\nreplay: npm run simulate -- --seed ${seed} --steps ${steps}`);
    process.exitCode = 1;
    break;
  }
}

function whole(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    console.error(`--${name} is ${text}; use a whole number`);
    process.exit(2);
  }
  return Number(text);
}
