// `npm start`: sets up what is missing, then becomes the server, so that signals reach it and its exit code is npm's.
// The script says "exec" so that no shell stands between npm and the server: npm passes signals on to its child only.
// CommonJS for the same reason as packages/cli/bin/peal.js.
const { spawnSync } = require("node:child_process");
const { join } = require("node:path");

const setup = spawnSync(process.execPath, [join(__dirname, "setup.mjs")], { stdio: "inherit" });
if (setup.status === 0) {
  process.argv.splice(2, 0, "start");
  require("../packages/cli/bin/peal.js");
} else process.exitCode = setup.status ?? 1;
