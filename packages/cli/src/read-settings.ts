/**
 * Joins the sources of the settings: a flag goes before the environment, that before the config file, that before the default.
 *
 * Every value that was given is checked, also one that another overrides, and all problems are told at once.
 */
import { dirname, resolve } from "node:path";
import { readConfigFile } from "./config-file.js";
import { environmentName, SETTING_ROWS, type SettingKey, type SettingRow, type Settings } from "./settings.js";
import { SettingsError } from "./settings-error.js";
import { suggest } from "./suggestion.js";

export interface SettingsSources {
  /** By key, as commander gives them: a string, or true for a switch; `config` is among them. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A value and who gave it. */
interface Given {
  readonly row: SettingRow;
  readonly value: unknown;
  /** `--port`, `PEAL_PORT`, or `peal.yaml:3: port`. */
  readonly source: string;
  readonly rank: "flag" | "environment" | "file";
  /** Where a relative path begins. */
  readonly folder: string;
}

/** A given value in its own type. */
type Checked = Given & { readonly checked: string | number | boolean };

const DEFAULTS = {
  host: undefined,
  port: 8085,
  ephemeral: false,
  profile: "service",
  "log-level": "info",
  "tls-cert": undefined,
  "tls-key": undefined,
  "test-clock": false,
  "push-addresses": undefined,
  "push-ca": undefined,
  "push-skip-verification": false,
  "push-issuer": undefined,
} as const satisfies Partial<Settings>;

const DATA_DEFAULT = "peal-data";

/**
 * Reads, checks and joins all settings.
 *
 * @throws {SettingsError} With every problem found.
 */
export async function readSettings(sources: SettingsSources): Promise<Settings> {
  const problems: string[] = [];
  const given = [...fromFlags(sources), ...fromEnvironment(sources), ...(await fromFile(sources, problems))];
  const checked = given.length === 0 ? [] : await checkAll(given, problems);
  const chosen = new Map<SettingKey, Checked>();
  for (const value of checked) if (!chosen.has(value.row.key)) chosen.set(value.row.key, value);
  checkTogether(chosen, problems);
  if (problems.length > 0) throw new SettingsError(problems);
  // Each value has passed the schema of its key, which is what the type says.
  const values = Object.fromEntries([...chosen].map(([key, value]) => [key, value.checked])) as Partial<Settings>;
  return { data: resolve(DATA_DEFAULT), ...DEFAULTS, ...values };
}

function fromFlags({ flags }: SettingsSources): Given[] {
  return SETTING_ROWS.filter((row) => flags[row.key] !== undefined).map((row) => ({
    row,
    value: flags[row.key],
    source: `--${row.key}`,
    rank: "flag",
    folder: ".",
  }));
}

/** An empty variable counts as not set: that is how a shell or a container file takes one away. */
function fromEnvironment({ environment }: SettingsSources): Given[] {
  return SETTING_ROWS.filter((row) => environment[environmentName(row.key)]).map((row) => ({
    row,
    value: environment[environmentName(row.key)],
    source: environmentName(row.key),
    rank: "environment",
    folder: ".",
  }));
}

async function fromFile({ flags, environment }: SettingsSources, problems: string[]): Promise<Given[]> {
  const path = flags["config"] ?? environment[environmentName("config")];
  if (typeof path !== "string" || path === "") return [];
  const rows = new Map<string, SettingRow>(SETTING_ROWS.map((row) => [row.key, row]));
  const given: Given[] = [];
  for (const { key, value, line } of await readEntries(path, problems)) {
    const row = rows.get(key);
    if (row !== undefined) {
      given.push({ row, value, source: `${path}:${line}: ${key}`, rank: "file", folder: dirname(path) });
      continue;
    }
    const meant = suggest(key, [...rows.keys()]);
    const advice = meant === undefined ? `the keys are ${[...rows.keys()].join(", ")}` : `did you mean ${meant}?`;
    problems.push(`${path}:${line}: ${key} is not a setting; ${advice}`);
  }
  return given;
}

/** A file that cannot be read is one problem among others. */
async function readEntries(path: string, problems: string[]): ReturnType<typeof readConfigFile> {
  try {
    return await readConfigFile(path);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    problems.push(...error.problems);
    return [];
  }
}

async function checkAll(given: readonly Given[], problems: string[]): Promise<Checked[]> {
  const { checkValue } = await import("./settings-schema.js");
  return given.flatMap((one) => {
    const checked = checkValue(one.row.key, one.value);
    if (checked === undefined) {
      problems.push(`${one.source} is ${shortened(one.value)}; use ${one.row.rule}${kubernetesHint(one)}`);
      return [];
    }
    return [{ ...one, checked: one.row.isPath ? resolve(one.folder, String(checked)) : checked }];
  });
}

/** Rules about more than one setting. */
function checkTogether(chosen: ReadonlyMap<SettingKey, Checked>, problems: string[]): void {
  for (const [key, other] of [
    ["tls-cert", "tls-key"],
    ["tls-key", "tls-cert"],
  ] as const) {
    const one = chosen.get(key);
    if (one !== undefined && !chosen.has(other))
      problems.push(`${one.source} is set without ${other}; give both or none`);
  }
  const data = chosen.get("data");
  const ephemeral = chosen.get("ephemeral");
  if (ephemeral?.checked === true && data?.rank === ephemeral.rank) {
    problems.push(
      `${ephemeral.source} and ${data.source} contradict each other; an ephemeral server keeps nothing, so leave one out`,
    );
  }
}

/** Kubernetes and Docker links set PEAL_PORT to an address for a service that is called peal. */
function kubernetesHint({ source, value }: Given): string {
  if (source !== "PEAL_PORT" || typeof value !== "string" || !value.startsWith("tcp://")) return "";
  return ' (Kubernetes sets it for a Service named "peal": set enableServiceLinks: false, or give --port)';
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
