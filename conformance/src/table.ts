import { allIds, groupOf, NOT_WRITTEN } from "./groups.js";
import { joinResults, type Outcome, type Result } from "./result.js";

/** Joins results by id, in the order of the reference, and adds the ids that no case covers. */
export function resultsById(results: readonly Result[], only: (id: string) => boolean = () => true): Result[] {
  const byId = groupById(results);
  return allIds()
    .filter(only)
    .map((id) => {
      const found = byId.get(id);
      if (found !== undefined) return joinResults(found);
      const reason = NOT_WRITTEN[groupOf(id)];
      if (reason === undefined) return { id, title: "", outcome: "skipped", reason: "not of this profile", tookMs: 0 };
      return { id, title: "", outcome: "not yet", reason, tookMs: 0 };
    });
}

function groupById(results: readonly Result[]): Map<string, Result[]> {
  const byId = new Map<string, Result[]>();
  for (const result of results) byId.set(result.id, [...(byId.get(result.id) ?? []), result]);
  return byId;
}

/** Renders the table that ends a run: a line for every id, the reasons, and the summary alone on the last line. */
export function renderTable(byId: readonly Result[]): string {
  const lines = byId
    .filter((result) => result.title !== "" || result.outcome !== "not yet")
    .map(({ id, outcome, reason }) => `${id.padEnd(10)}${outcome.padEnd(10)}${reason ?? ""}`.trimEnd());
  const unwritten = byId.filter((result) => result.title === "" && result.outcome === "not yet");
  for (const [group, ids] of Object.entries(idsByGroup(unwritten))) {
    lines.push(`${group.padEnd(10)}${"not yet".padEnd(10)}${ids.length} ids: ${ids[0]?.reason ?? ""}`);
  }
  return [...lines, "", explain(byId), summaryOf(byId)].join("\n");
}

/** `N passed, N failed, N skipped`, counted in ids; "not yet" and "in part" count as skipped. */
export function summaryOf(byId: readonly Result[]): string {
  const passed = countOf(byId, "passed");
  const failed = countOf(byId, "failed");
  return `${passed} passed, ${failed} failed, ${byId.length - passed - failed} skipped`;
}

function explain(byId: readonly Result[]): string {
  const parts = `${countOf(byId, "not yet")} not yet, ${countOf(byId, "in part")} in part`;
  return `of ${byId.length} ids, skipped: ${countOf(byId, "skipped")} cannot run here, ${parts}`;
}

function countOf(byId: readonly Result[], outcome: Outcome): number {
  return byId.filter((result) => result.outcome === outcome).length;
}

function idsByGroup(results: readonly Result[]): Record<string, Result[]> {
  const groups: Record<string, Result[]> = {};
  for (const result of results) groups[groupOf(result.id)] = [...(groups[groupOf(result.id)] ?? []), result];
  return groups;
}
