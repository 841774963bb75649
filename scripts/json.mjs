// JSON as tsconfig files have it: with comments and trailing commas.
import { readFileSync } from "node:fs";

/** Reads and parses one file; the error of a broken one names it. */
export function readJsonWithComments(path) {
  const text = readFileSync(path, "utf8");
  const plain = text
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string) => string ?? "")
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string) => string ?? "");
  try {
    return JSON.parse(plain);
  } catch (error) {
    throw new Error(`${path}: ${error.message}`);
  }
}
