import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ALL_CASES } from "./cases/all-cases.js";
import { probeClock } from "./clock.js";
import { type Connection, connect } from "./connection.js";
import { findEmulatorJar, hasJava, startEmulator } from "./emulator.js";
import { groupOf } from "./groups.js";
import { type Options, parseOptions, USAGE } from "./options.js";
import type { Profile } from "./profile.js";
import { keepResults, writeReadme } from "./readme.js";
import type { Result } from "./result.js";
import { runCases, type Target } from "./runner.js";
import { ServerProcess, type StartCommand } from "./server-process.js";
import { renderTable, resultsById, summaryOf } from "./table.js";

// The official client would look for a metadata server otherwise, and wait for it.
process.env["METADATA_SERVER_DETECTION"] = "none";

const PEAL = fileURLToPath(new URL("../../packages/cli/bin/peal.js", import.meta.url));

/** What one server made of all the ids. */
interface Report {
  /** Column of the table: `peal-service`, `peal-emulator`, `official-emulator`, or the endpoint. */
  readonly target: string;
  readonly profile: Profile;
  readonly results: readonly Result[];
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  const startedAtMs = Date.now();
  const reports = await judge(options);
  for (const report of reports) {
    console.log(`\n== ${report.target}, ${report.profile} profile ==\n${renderTable(report.results)}`);
  }
  if (reports.length > 1) {
    console.log("\nIn all:");
    console.log(summaryOf(reports.flatMap((report) => report.results)));
  }
  console.error(`${Math.round((Date.now() - startedAtMs) / 1000)} s`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reports, null, 2)}\n`);
  if (options.writeReadme) {
    for (const report of reports) keepResults(report.target, report.results);
    writeReadme();
  }
  return reports.some((report) => report.results.some((result) => result.outcome === "failed")) ? 1 : 0;
}

async function judge(options: Options): Promise<Report[]> {
  if (options.emulator) return judgeEmulator(options);
  if (options.endpoint !== undefined) {
    const profile = options.profile ?? "service";
    return [await judgeEndpoint(options, options.endpoint, profile, options.endpoint)];
  }
  const profiles: Profile[] = options.profile === undefined ? ["service", "emulator"] : [options.profile];
  const reports: Report[] = [];
  for (const profile of profiles) reports.push(await judgeOwnServer(options, profile));
  return reports;
}

async function judgeEmulator(options: Options): Promise<Report[]> {
  const jar = findEmulatorJar(process.env);
  if (jar === undefined || !hasJava()) {
    console.log(`skipped: this machine lacks ${jar === undefined ? "the official emulator's jar" : "java"}`);
    return [];
  }
  const server = await startEmulator(jar);
  try {
    return [await judgeEndpoint(options, server.endpoint, options.profile ?? "emulator", "official-emulator")];
  } finally {
    await server.stop();
  }
}

/** Judges a server that runs already, and goes on running. */
async function judgeEndpoint(options: Options, endpoint: string, profile: Profile, target: string): Promise<Report> {
  const connection = connect(endpoint);
  try {
    const clock = await probeClock(connection.rest);
    const command = undefined;
    const parts = { profile, connection, clockConnection: connection, clock, command, outlivesRun: true };
    return { target, profile, results: await run(options, parts) };
  } finally {
    await connection.close();
  }
}

/** Judges servers started for the purpose: one for most cases, one whose clock is moved. */
async function judgeOwnServer(options: Options, profile: Profile): Promise<Report> {
  const command = startCommand(options);
  const servers: ServerProcess[] = [];
  const connections: Connection[] = [];
  const start = async (hasTestClock: boolean): Promise<Connection> => {
    const server = await ServerProcess.start(command, { profile, hasTestClock });
    servers.push(server);
    const connection = connect(server.endpoint);
    connections.push(connection);
    return connection;
  };
  try {
    const connection = await start(false);
    const clockConnection = await start(true);
    const clock = await probeClock(clockConnection.rest);
    const results = await run(options, { profile, connection, clockConnection, clock, command, outlivesRun: false });
    return { target: `peal-${profile}`, profile, results };
  } finally {
    for (const connection of connections) await connection.close();
    for (const server of servers) await server.stop();
  }
}

function startCommand(options: Options): StartCommand {
  if (options.start === undefined) return { program: process.execPath, args: [PEAL, "start"] };
  const [program = "", ...args] = options.start.trim().split(/\s+/);
  return { program, args };
}

async function run(options: Options, target: Target): Promise<Result[]> {
  const isWanted = (id: string): boolean =>
    options.only.length === 0 || options.only.includes(id) || options.only.includes(groupOf(id));
  const cases = ALL_CASES.filter(
    ({ id, client }) => isWanted(id) && (client === undefined || options.clients.has(client)),
  );
  const results = await runCases(cases, target, (result) => {
    if (result.outcome !== "passed") console.error(`${result.id} ${result.outcome}: ${result.title}: ${result.reason}`);
  });
  return resultsById(results, isWanted);
}

// Ending by process.exit, and not by the signal itself, lets the servers be killed on the way.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
// The cases side by side go on when one leaves a failure unheard, but the run has failed.
let unheard = 0;
process.on("unhandledRejection", (error) => {
  unheard += 1;
  console.error("a case left this failure unheard:", error);
});
try {
  process.exitCode = Math.max(await main(), unheard > 0 ? 1 : 0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  console.error(USAGE);
  process.exitCode = 2;
}
