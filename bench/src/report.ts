/** One line of the report: a figure, and where there is one, the target it is held against. */
export interface Row {
  readonly question: string;
  readonly figure: string;
  readonly value: number;
  /** How the value prints, for instance `1.35 ×`. */
  readonly text: string;
  readonly target?: { readonly kind: "atMost" | "atLeast"; readonly value: number };
  readonly note?: string;
}

export function meetsTarget(row: Row): boolean | undefined {
  if (row.target === undefined) return undefined;
  return row.target.kind === "atMost" ? row.value <= row.target.value : row.value >= row.target.value;
}

const MARKS = new Map<boolean | undefined, string>([
  [true, "yes"],
  [false, "**no**"],
  [undefined, ""],
]);

/** The rows as a Markdown table. */
export function toMarkdown(rows: readonly Row[]): string {
  const lines = ["| question | figure | measured | target | met | note |", "|---|---|---|---|---|---|"];
  for (const row of rows) {
    const { target } = row;
    const targetText = target === undefined ? "" : `${target.kind === "atMost" ? "≤" : "≥"} ${target.value}`;
    const mark = MARKS.get(meetsTarget(row)) ?? "";
    lines.push(`| ${row.question} | ${row.figure} | ${row.text} | ${targetText} | ${mark} | ${row.note ?? ""} |`);
  }
  return lines.join("\n");
}

/** 12 345 678 as `12.3 M`, 12 345 as `12.3 k`. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(size >= 1e8 ? 0 : 2)} M`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(size >= 1e5 ? 0 : 1)} k`;
  return value.toFixed(size >= 100 ? 0 : 2);
}
