/** Takes the power away from the store at random instants. Usage: powerloss [--seed N] [--cuts N] */
import { parseArgs } from "node:util";
import { losePower, PowerLossFailure } from "./power-loss.js";

const { values } = parseArgs({ options: { seed: { type: "string" }, cuts: { type: "string", default: "100" } } });
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const cuts = Number(values.cuts);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(cuts) || cuts < 1) {
  console.error("usage: powerloss [--seed N] [--cuts N]");
  process.exit(2);
}
console.log(`power loss: seed ${seed}, ${cuts} cuts`);
const counts = new Map<string, number>();
let kept = 0;
try {
  await losePower({
    seed,
    cuts,
    bug: "none",
    onCut: ({ index, confirmed, found }) => {
      counts.set(index, (counts.get(index) ?? 0) + 1);
      if (found > confirmed) kept += 1;
    },
  });
} catch (error) {
  if (!(error instanceof PowerLossFailure)) throw error;
  console.error(`${error.stack}\ncaused by ${error.cause instanceof Error ? error.cause.stack : error.cause}`);
  console.error(`replay with: npm run powerloss -- --seed ${error.seed} --cuts 20`);
  process.exit(1);
}
const indexes = [...counts].map(([index, count]) => `${index} ${count}`).join(", ");
console.log(`${cuts} cuts, nothing confirmed was lost (index: ${indexes}; ${kept} cuts kept commits still under way)`);
