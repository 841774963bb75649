import type { LogRef, Storage, Write } from "@peal/store";
import type { CommitLine } from "./commit-line.js";

const DROPS_PER_COMMIT = 1_000;

/** Drops the logs that no resource names any more: what a stop in the middle of a deletion leaves. */
export async function dropOrphans(
  storage: Storage,
  commits: CommitLine,
  kind: LogRef["kind"],
  isOwned: (id: string) => boolean,
): Promise<number> {
  const drops: Write[] = [];
  let count = 0;
  for await (const log of storage.logs(kind)) {
    if (isOwned(log.id)) continue;
    drops.push({ kind: "drop", log });
    count += 1;
    if (drops.length === DROPS_PER_COMMIT) await commits.commit(drops.splice(0));
  }
  if (drops.length > 0) await commits.commit(drops);
  return count;
}
