// Installs the packed packages in an empty directory, as a user does, and runs them: start, publish, receive, kill -9, receive.
// On the running Node and, on Linux x64, on Node 22 and 24 from npm. Usage: node scripts/smoke.mjs
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { install, otherNodes } from "./other-nodes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const INSTALLED_MAX_BYTES = 60 * 1024 * 1024;
const READY_LIMIT_MS = 60_000;
/** All that a package may hold. */
const PACKED = /^(package\.json|README\.md|LICENSE|bin\/[\w.-]+|dist\/.+\.(js|js\.map|d\.ts|d\.ts\.map))$/;

const running = new Set();
const folder = mkdtempSync(join(tmpdir(), "peal-smoke-"));
try {
  const tarballs = pack(join(folder, "packs"));
  const home = install(folder, "home", tarballs);
  const size = sizeOf(join(home, "node_modules"));
  console.log(`installed: ${(size / 1024 / 1024).toFixed(1)} MiB (at most ${INSTALLED_MAX_BYTES / 1024 / 1024})`);
  if (size > INSTALLED_MAX_BYTES) throw new Error("the installed packages are too big");
  for (const node of [process.execPath, ...otherNodes(folder)]) await smoke(node, home);
} finally {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/** Packs every package, refuses a file that has no business in it, and returns the tarballs. */
function pack(target) {
  mkdirSync(target);
  const names = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", target, ...names];
  const packed = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" }));
  for (const { name, files } of packed) {
    const strange = files.map((file) => file.path).filter((path) => !PACKED.test(path) || /\.test\./.test(path));
    if (strange.length > 0) throw new Error(`the package ${name} holds ${strange.join(", ")}`);
    if (!files.some((file) => file.path.startsWith("dist/"))) throw new Error(`the package ${name} holds no dist/`);
    console.log(`packed: ${name}, ${files.length} files`);
  }
  return readdirSync(target).map((file) => join(target, file));
}

function sizeOf(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return stats?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

async function smoke(node, home) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const { bin } = JSON.parse(readFileSync(join(home, "node_modules/peal/package.json"), "utf8"));
  const command = [join(home, "node_modules/peal", bin.peal), "start", "--port", "0", "--log-level", "warn"];
  const cwd = join(folder, `data-${version}`);
  mkdirSync(cwd);

  const first = await start(node, command, cwd);
  await call(first, "PUT", "topics/topic");
  await call(first, "PUT", "subscriptions/sub", { topic: "projects/smoke/topics/topic" });
  await publish(first, "one");
  const [one] = await pull(first);
  await call(first, "POST", "subscriptions/sub:acknowledge", { ackIds: [one.ackId] });
  await publish(first, "two");
  await end(first, "SIGKILL");

  const second = await start(node, command, cwd);
  const [two] = await pull(second);
  expect(two, "two");
  await call(second, "POST", "subscriptions/sub:acknowledge", { ackIds: [two.ackId] });
  const { receivedMessages = [] } = await call(second, "POST", "subscriptions/sub:pull", {
    maxMessages: 9,
    returnImmediately: true,
  });
  if (receivedMessages.length > 0) throw new Error("an acked message came back");
  const code = await end(second, "SIGTERM");
  if (code !== 0) throw new Error(`the drained server ended with ${code}`);
  console.log(`smoke: Node ${version}: start, publish, receive, kill -9, receive, drain: ok`);
}

async function start(node, command, cwd) {
  const child = spawn(node, command, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  const exited = once(child, "exit").finally(() => running.delete(child));
  const limit = setTimeout(() => child.kill("SIGKILL"), READY_LIMIT_MS);
  for await (const line of createInterface(child.stdout)) {
    const port = /^Server started, listening on (\d+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    clearTimeout(limit);
    return { child, exited, base: `http://127.0.0.1:${port}/v1/projects/smoke` };
  }
  clearTimeout(limit);
  throw new Error(`peal ended with ${(await exited)[0]} before it was ready`);
}

async function end({ child, exited }, signal) {
  child.kill(signal);
  return (await exited)[0];
}

async function call({ base }, method, path, body) {
  const options = { method, headers: { "content-type": "application/json" } };
  const response = await fetch(
    `${base}/${path}`,
    body === undefined ? options : { ...options, body: JSON.stringify(body) },
  );
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

function publish(server, text) {
  const messages = [{ data: Buffer.from(text).toString("base64") }];
  return call(server, "POST", "topics/topic:publish", { messages });
}

async function pull(server) {
  const { receivedMessages = [] } = await call(server, "POST", "subscriptions/sub:pull", { maxMessages: 1 });
  if (receivedMessages.length !== 1) throw new Error(`one message was due, ${receivedMessages.length} came`);
  return receivedMessages;
}

function expect(received, text) {
  const data = Buffer.from(received.message.data, "base64").toString();
  if (data !== text) throw new Error(`"${text}" was due, "${data}" came`);
}
