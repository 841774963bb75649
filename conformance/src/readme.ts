import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { allIds, groupOf, NOT_WRITTEN } from "./groups.js";
import type { Outcome, Result } from "./result.js";

const README_PATH = fileURLToPath(new URL("../README.md", import.meta.url));
const RESULTS_DIRECTORY = fileURLToPath(new URL("../results/", import.meta.url));
const BEGIN = "<!-- table: written by npm run conformance -- --write-readme -->";
const END = "<!-- end of table -->";

/** The columns of the table, and the file that each is kept in. */
export const COLUMNS = ["peal-service", "peal-emulator", "official-emulator"] as const;

/** What is kept of an id: enough for the table, nothing that differs from run to run. */
export interface KeptResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: Outcome;
  readonly reason?: string;
}

const MARKS: Readonly<Record<Outcome, string>> = {
  passed: "passed",
  failed: "**failed**",
  "not yet": "not yet",
  "in part": "in part",
  skipped: "skipped",
};

/** Keeps the results of a target for the table. Ids that this run left out keep what they had. */
export function keepResults(target: string, results: readonly Result[]): void {
  mkdirSync(RESULTS_DIRECTORY, { recursive: true });
  const kept = new Map(readResults(target).map((result) => [result.id, result]));
  for (const { id, title, outcome, reason } of results) {
    kept.set(id, { id, title, outcome, ...(reason === undefined ? {} : { reason: withoutRandomNames(reason) }) });
  }
  const inOrder = allIds().flatMap((id) => kept.get(id) ?? []);
  writeFileSync(resultsPath(target), `${JSON.stringify(inOrder, null, 2)}\n`);
}

/** Returns what was kept of a target; nothing where it was never judged. */
export function readResults(target: string): KeptResult[] {
  const path = resultsPath(target);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as KeptResult[]) : [];
}

/** Writes the README's table anew from what is kept. */
export function writeReadme(): void {
  const text = readFileSync(README_PATH, "utf8");
  writeFileSync(README_PATH, replaceTable(text, COLUMNS.map(readResults)));
}

/** Returns the README as it is. */
export function readReadme(): string {
  return readFileSync(README_PATH, "utf8");
}

/** Returns the text with its table replaced by that of the results, a list for each column. */
export function replaceTable(text: string, columns: readonly (readonly KeptResult[])[]): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end === -1) throw new Error("the README has no place for the table");
  return `${text.slice(0, begin)}${BEGIN}\n\n${renderColumns(columns)}\n\n${text.slice(end)}`;
}

function renderColumns(columns: readonly (readonly KeptResult[])[]): string {
  const byColumn = columns.map((results) => new Map(results.map((result) => [result.id, result])));
  const lines = ["| id | what | peal, service | peal, emulator | official emulator |", "|---|---|---|---|---|"];
  const notes: string[] = [];
  for (const id of allIds()) {
    const found = byColumn.map((column) => column.get(id));
    const title = found.find((result) => result?.title)?.title ?? NOT_WRITTEN[groupOf(id)] ?? "";
    lines.push(
      `| ${[id, escapeCell(title), ...found.map((result) => (result ? MARKS[result.outcome] : ""))].join(" | ")} |`,
    );
    found.forEach((result, index) => {
      if (result?.outcome === "failed") notes.push(`- ${id}, ${COLUMNS[index]}: ${escapeCell(result.reason ?? "")}`);
    });
  }
  const counts = columns.map((results, index) => `- ${COLUMNS[index]}: ${countOutcomes(results)}`);
  return [...counts, "", ...lines, "", "What failed and how:", "", ...(notes.length > 0 ? notes : ["nothing"])].join(
    "\n",
  );
}

function countOutcomes(results: readonly KeptResult[]): string {
  if (results.length === 0) return "not run";
  const counts = new Map<Outcome, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
}

/** The random names of a run would change the file each time. */
function withoutRandomNames(reason: string): string {
  return reason.replace(/conf-[0-9a-f]{12}/g, "PROJECT").replace(/127\.0\.0\.1:\d+/g, "ENDPOINT");
}

function escapeCell(text: string): string {
  return text.replace(/[|<>*_~`]/g, "\\$&").replace(/\s+/g, " ");
}

function resultsPath(target: string): string {
  return `${RESULTS_DIRECTORY}${target.replace(/[^\w.-]/g, "-")}.json`;
}
