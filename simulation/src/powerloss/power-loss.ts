import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../seeded-random.js";
import { recordHistory } from "./history.js";
import { type CutResult, cutPower } from "./power-cut.js";
import type { PlantedBug } from "./recorded-disk.js";

/** Cuts taken from one history before a new one is recorded. */
const CUTS_PER_HISTORY = 20;

export interface PowerLossOptions {
  readonly seed: number;
  readonly cuts: number;
  readonly bug: PlantedBug;
  readonly onCut?: (result: CutResult) => void;
}

/** A cut after which something confirmed was missing, or the directory could not be opened. */
export class PowerLossFailure extends Error {
  override readonly name = "PowerLossFailure";

  constructor(
    readonly seed: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Records histories and cuts the power of each. @throws {PowerLossFailure} whose seed finds the same with few cuts. */
export async function losePower(options: PowerLossOptions): Promise<void> {
  for (let done = 0; done < options.cuts; done += CUTS_PER_HISTORY) {
    const seed = options.seed + done / CUTS_PER_HISTORY;
    await losePowerOnce({ ...options, seed, cuts: Math.min(CUTS_PER_HISTORY, options.cuts - done) });
  }
}

async function losePowerOnce({ seed, cuts, bug, onCut }: PowerLossOptions): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "peal-powerloss-"));
  try {
    const random = new SeededRandom(seed);
    const history = await recordHistory(join(root, "recorded"), random, bug);
    for (let cut = 0; cut < cuts; cut += 1) {
      const directory = join(root, `cut-${cut}`);
      try {
        const result = await cutPower(history, directory, random);
        onCut?.(result);
      } catch (error) {
        throw new PowerLossFailure(seed, error instanceof Error ? error.message : String(error), { cause: error });
      }
      await rm(directory, { recursive: true });
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
