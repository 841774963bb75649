/** Does plain delivery cost more than in another build, say that of an older commit? */
import type { BenchContext } from "../bench-context.js";
import type { WindowResult } from "../load/window.js";
import { median, spreadPercent } from "../statistics.js";
import { Subject } from "../subject.js";
import { BATCHES, measurePublish } from "./publish.js";
import { BACKLOG, measurePull } from "./pull.js";

/** How much more a message may cost than in the other build. */
const MORE_AT_MOST = 1.1;

type Measure = (checkout: string | undefined) => Promise<WindowResult | undefined>;

async function compare(context: BenchContext, question: string, measure: Measure): Promise<void> {
  const ratios: number[] = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    const other = await measure(context.beside);
    const own = await measure(undefined);
    if (own === undefined || other === undefined) throw new Error("both builds can be started");
    ratios.push(own.cpuMicrosEach / other.cpuMicrosEach);
    context.log(
      `${question}, round ${round}: ${own.cpuMicrosEach.toFixed(2)} µs beside ${other.cpuMicrosEach.toFixed(2)} µs`,
    );
  }
  context.report({
    question,
    figure: "CPU per message / the other build",
    value: median(ratios),
    text: `${median(ratios).toFixed(2)} ×`,
    target: { kind: "atMost", value: MORE_AT_MOST },
    note: `±${spreadPercent(ratios).toFixed(0)} %`,
  });
}

/** Takes part only where another build is named. */
export async function benchBeside(context: BenchContext): Promise<void> {
  const { beside } = context;
  if (beside === undefined) {
    context.log("no other build is named with --beside");
    return;
  }
  const start = (checkout: string | undefined) => (folder: string) =>
    Subject.startPeal(folder, checkout === undefined ? {} : { checkout });
  await compare(context, `plain ${BATCHES.name}, beside another build`, (checkout) =>
    measurePublish(context, BATCHES, start(checkout)),
  );
  await compare(context, "plain streaming pull + ack, beside another build", (checkout) =>
    measurePull(context, BACKLOG.peal, start(checkout)),
  );
}
