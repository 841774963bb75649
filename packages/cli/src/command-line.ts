/** What can be typed after `peal`, and its help. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { EXIT_CODES } from "./exit-code.js";
import { environmentName, SETTING_ROWS } from "./settings.js";
import { SettingsError } from "./settings-error.js";
import { readStoreTuning } from "./store-tuning.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs one command line to its end.
 *
 * @param words - What follows the program's name.
 * @returns The exit code; what there is to say was printed.
 */
export async function runCommandLine(words: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT_CODES.ok.code;
  const program = new Command("peal")
    .description("Pub/Sub you own: a durable server that official Google Cloud Pub/Sub clients use unmodified.")
    .version(readVersion(), "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError("(peal start --help lists every option)")
    .exitOverride()
    .enablePositionalOptions();
  addStart(program, async (flags) => {
    const storeTuning = readStoreTuning(environment["PEAL_STORE_DEBUG"]);
    const [{ readSettings }, { runStart }] = await Promise.all([
      import("./read-settings.js"),
      import("./start-command.js"),
    ]);
    exitCode = await runStart(await readSettings({ flags, environment }), storeTuning);
  });
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof SettingsError) {
      for (const problem of error.problems) console.error(`peal: ${problem}`);
      return EXIT_CODES.badSettings.code;
    }
    if (!(error instanceof CommanderError)) throw error;
    // commander has printed the help, the version, or what is wrong with the line.
    return error.exitCode === 0 ? EXIT_CODES.ok.code : EXIT_CODES.badSettings.code;
  }
  return exitCode;
}

function addStart(program: Command, action: (flags: Record<string, string | boolean>) => Promise<void>): void {
  const start = program
    .command("start")
    .description("Start the server. It runs until SIGTERM or SIGINT, then finishes what it holds and stops.")
    .allowExcessArguments(false);
  for (const { key, placeholder, description } of SETTING_ROWS) {
    start.option(placeholder === undefined ? `--${key}` : `--${key} <${placeholder}>`, description);
  }
  start.option("--config <FILE>", "YAML file with any of these settings, one key: value a line");
  start.addHelpText("after", startHelp());
  // commander files --log-level under logLevel; the settings go by the names that users write.
  start.action(async (options: Record<string, string | boolean>) => {
    const keys = [...SETTING_ROWS.map((row) => row.key), "config"];
    const given = keys.map((key) => [key, options[key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]]);
    await action(Object.fromEntries(given));
  });
}

function startHelp(): string {
  const width = Math.max(...SETTING_ROWS.map((row) => row.key.length));
  const sources = SETTING_ROWS.map(
    ({ key }) => `  --${key.padEnd(width)}  ${environmentName(key).padEnd(width + 5)}  ${key}`,
  );
  const exits = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${code}    ${meaning}`);
  return `
Every option may come from the command line, the environment or the config file, in this order:
${sources.join("\n")}
  --${"config".padEnd(width)}  ${environmentName("config")}
Paths in the config file count from its folder.

When ready it prints one line on stdout: Server started, listening on PORT. Logs are JSON lines on stderr.
The first SIGTERM or SIGINT drains for at most 5 seconds; a second one ends the process at once.

Exit codes:
${exits.join("\n")}
  130, 143  a second SIGINT or SIGTERM

Try it:
  peal start --port 8085 &
  curl -X PUT http://localhost:8085/v1/projects/demo/topics/greetings
  export PUBSUB_EMULATOR_HOST=localhost:8085   # for the official clients`;
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String(version);
}
