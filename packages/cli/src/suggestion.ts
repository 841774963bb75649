/** Finds what somebody probably meant to write. */

/** More edits than this are another word. */
const EDITS_MAX = 3;

/** The candidate nearest to `word`, or undefined when none is near. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const normal = word.toLowerCase().replaceAll("_", "-");
  let best: string | undefined;
  let bestEdits = Math.min(EDITS_MAX, Math.ceil(word.length / 2)) + 1;
  for (const candidate of candidates) {
    // "logLevel" is meant as "log-level".
    const edits = Math.min(editDistance(normal, candidate), editDistance(normal, candidate.replaceAll("-", "")));
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Insertions, deletions and replacements that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at += 1) {
    const next = [at];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = row[column - 1]! + (from[at - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
