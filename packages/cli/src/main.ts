/** The command `peal`. */
import { runCommandLine } from "./command-line.js";

/** What may still be written (a pipe's last line) gets this long; what never ends, work of a failed disk say, gets no longer. */
const LINGER_MS = 300;

process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
setTimeout(() => process.exit(), LINGER_MS).unref();
