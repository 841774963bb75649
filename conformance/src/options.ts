import { parseArgs } from "node:util";
import type { ClientLanguage } from "./client-language.js";
import type { Profile } from "./profile.js";

/** What the command line asks for. */
export interface Options {
  /** `host:port`; absent: servers are started for the run. */
  readonly endpoint: string | undefined;
  /** Absent: both where servers are started, else `emulator` for the official one and `service` otherwise. */
  readonly profile: Profile | undefined;
  /** Judge the official emulator, started for the run. */
  readonly emulator: boolean;
  /** Ids and groups to run; empty: all. */
  readonly only: readonly string[];
  /** File to write the results to, as JSON. */
  readonly json: string | undefined;
  /** Command that starts a server, to which ours appends its flags. */
  readonly start: string | undefined;
  /** Official clients for STR-024. */
  readonly clients: ReadonlySet<ClientLanguage>;
  /** Keep the results and write the README's table anew from all that are kept. */
  readonly writeReadme: boolean;
}

export const USAGE = `Usage: npm run conformance -- [options]
  --endpoint HOST:PORT   judge this server (or set PUBSUB_EMULATOR_HOST); without one, servers are started here
  --emulator             judge the official emulator, started here
  --profile NAME         service or emulator
  --only LIST            ids and groups, such as ACK-002,STR
  --json FILE            write the results there
  --start "COMMAND"      how to start a server that takes the flags of "peal start"
  --clients LIST         official clients for STR-024: node,python,go,java (default node,python)
  --write-readme         keep the results and write the table of conformance/README.md anew`;

const LANGUAGES: readonly ClientLanguage[] = ["node", "python", "go", "java"];

/** @throws Error with a text for the user when the arguments make no sense. */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      endpoint: { type: "string" },
      emulator: { type: "boolean", default: false },
      profile: { type: "string" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      start: { type: "string" },
      clients: { type: "string", default: "node,python" },
      "write-readme": { type: "boolean", default: false },
    },
  });
  const { profile } = values;
  if (profile !== undefined && profile !== "service" && profile !== "emulator") {
    throw new Error(`--profile is ${profile}; use service or emulator`);
  }
  const clients = listOf(values.clients).map((name) => {
    const language = LANGUAGES.find((known) => known === name.toLowerCase());
    if (language === undefined) throw new Error(`--clients names ${name}; use ${LANGUAGES.join(", ")}`);
    return language;
  });
  const endpoint = values.emulator ? undefined : (values.endpoint ?? env["PUBSUB_EMULATOR_HOST"]) || undefined;
  return {
    endpoint: endpoint?.replace(/^https?:\/\//, ""),
    profile,
    emulator: values.emulator,
    only: listOf(values.only).map((word) => word.toUpperCase()),
    json: values.json,
    start: values.start,
    clients: new Set(clients),
    writeReadme: values["write-readme"],
  };
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
