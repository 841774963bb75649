/** Reads the Prometheus text format, strictly: what a lenient reader lets pass is an error here. */
import assert from "node:assert/strict";

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?[0-9][0-9.e+-]*|[+-]Inf|NaN)$`);
const HELP = new RegExp(String.raw`^# HELP (${NAME}) ((?:[^\\\n]|\\[\\n])+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);

/** A scrape's series by name and labels, as they stand in the text. */
export type Series = ReadonlyMap<string, number>;

/**
 * Reads a scrape. Each family must have its HELP, then its TYPE, then all its series, each once; a histogram's classes must
 * rise and end at its count.
 */
export function readExposition(text: string): Series {
  assert.ok(text.endsWith("\n"), "the text ends with a line feed");
  const series = new Map<string, number>();
  const families = new Set<string>();
  let help = "";
  let family = "";
  let type = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const isHelp = HELP.exec(line);
    if (isHelp !== null) {
      help = isHelp[1]!;
      continue;
    }
    const isType = TYPE.exec(line);
    if (isType !== null) {
      [, family = "", type = ""] = isType;
      assert.equal(help, family, `a HELP of its own precedes: ${line}`);
      assert.ok(!families.has(family), `the family comes once: ${line}`);
      families.add(family);
      continue;
    }
    const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
    const allowed = type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => family + suffix) : [family];
    assert.ok(allowed.includes(name), `the series is one of ${family}: ${line}`);
    assert.ok(!series.has(name + labels), `the series comes once: ${line}`);
    series.set(name + labels, Number(value.replace("Inf", "Infinity")));
  }
  checkHistograms(series);
  return series;
}

function checkHistograms(series: Series): void {
  let below = 0;
  for (const [key, value] of series) {
    if (!key.includes("_bucket{")) continue;
    assert.ok(value >= below, `the class holds those below: ${key}`);
    below = value;
    if (!key.endsWith(',le="+Inf"}')) continue;
    const count = key.replace("_bucket{", "_count{").replace(',le="+Inf"', "");
    assert.equal(value, series.get(count), `the last class is the count: ${key}`);
    below = 0;
  }
}
