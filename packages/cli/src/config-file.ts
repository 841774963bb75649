/** Reads the YAML config file. */
import { readFile } from "node:fs/promises";
import { SettingsError } from "./settings-error.js";

/** One `key: value` of the file. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Reads the entries of a config file, in its order. An empty file has none.
 *
 * @param path - As the user wrote it: messages repeat it.
 * @throws {SettingsError} The file cannot be read, is not YAML, or is not a mapping of keys to values.
 */
export async function readConfigFile(path: string): Promise<readonly ConfigEntry[]> {
  let source: string;
  try {
    source = await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`${path}: cannot be read (${reason}); name a YAML file that exists`]);
  }
  return parseConfig(path, source);
}

/** The part of `readConfigFile` after the reading. */
export async function parseConfig(path: string, source: string): Promise<readonly ConfigEntry[]> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new SettingsError(
      document.errors.map(
        (error) => `${path}:${lines.linePos(error.pos[0]).line}: is not valid YAML (${error.message})`,
      ),
    );
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents))
    throw new SettingsError([`${path}: must be a mapping, one "key: value" a line, as in "port: 8085"`]);
  return contents.items.map(({ key, value }) => ({
    key: isScalar(key) ? String(key.value) : String(key),
    value: isScalar(value) ? value.value : value,
    line: isScalar(key) && key.range ? lines.linePos(key.range[0]).line : 1,
  }));
}
