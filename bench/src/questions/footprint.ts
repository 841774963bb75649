/** What does an empty server cost: time to be ready, memory, size on disk? */
import { execFile } from "node:child_process";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BenchContext, withFolder } from "../bench-context.js";
import { installedBytes } from "../installed-size.js";
import { median } from "../statistics.js";
import { Subject } from "../subject.js";

const run = promisify(execFile);
const QUESTION = "empty server";
const MIB = 2 ** 20;

async function bareNodeMs(): Promise<number> {
  const startMs = performance.now();
  await run(process.execPath, ["-e", "0"]);
  return performance.now() - startMs;
}

export async function benchFootprint(context: BenchContext): Promise<void> {
  const starts: number[] = [];
  const bare: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < (context.isQuick ? 1 : 7); round += 1) {
    bare.push(await bareNodeMs());
    await withFolder(async (folder) => {
      const subject = await Subject.startPeal(folder, { pinned: false });
      starts.push(subject.readyAfterMs);
      resident.push(subject.memory().residentBytes);
      await subject.stop();
    });
  }
  const ratio = median(starts) / median(bare);
  context.report({
    question: QUESTION,
    figure: "spawn to ready / `node -e 0`",
    value: ratio,
    text: `${ratio.toFixed(1)} × (${median(starts).toFixed(0)} ms / ${median(bare).toFixed(0)} ms)`,
    target: { kind: "atMost", value: 6 },
  });
  const residentMiB = median(resident) / MIB;
  context.report({
    question: QUESTION,
    figure: "resident, MB",
    value: residentMiB,
    text: `${residentMiB.toFixed(0)} MB`,
    target: { kind: "atMost", value: 90 },
  });
  const installedMiB = (await installedBytes(fileURLToPath(new URL("../../..", import.meta.url)))) / MIB;
  context.report({
    question: QUESTION,
    figure: "installed size of peal, MB",
    value: installedMiB,
    text: `${installedMiB.toFixed(0)} MB`,
    target: { kind: "atMost", value: 60 },
    note: "production dependencies as npm lays them out here",
  });
}
