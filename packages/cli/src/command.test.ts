/** The command as a user meets it: a process, its output, its exit code. Times are bounds against hanging only. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { after } from "node:test";
import { fileURLToPath } from "node:url";

const PEAL = fileURLToPath(new URL("../bin/peal.js", import.meta.url));
const LIMIT = { timeout: 60_000 };

const folder = mkdtempSync(join(tmpdir(), "peal-cli-"));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The environment without what the machine that tests may say to peal. */
function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("PEAL_"));
  return { ...Object.fromEntries(own), ...extra };
}

/** A command that ends by itself. */
function run(words: readonly string[], extra?: Record<string, string>) {
  const options = { cwd: folder, env: environment(extra), encoding: "utf8", timeout: 30_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PEAL, ...words], options);
  return { status, stdout, stderr };
}

/** A server that runs; resolves when it is ready. */
async function start(words: readonly string[], extra?: Record<string, string>) {
  const child = spawn(process.execPath, [PEAL, "start", "--port", "0", ...words], {
    cwd: folder,
    env: environment(extra),
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    const port = /^Server started, listening on (\d+)$/.exec(line)?.[1];
    assert.ok(port, `the first line is ${JSON.stringify(line)}`);
    const stop = async (signal: NodeJS.Signals): Promise<unknown> => {
      child.kill(signal);
      const [code, killedBy] = await exited;
      children.delete(child);
      return code ?? killedBy;
    };
    return { child, port: Number(port), stop, exited, stderr: () => stderr };
  }
  throw new Error(`peal ended before it was ready: ${stderr}`);
}

async function rest(port: number, method: string, path: string, body?: object) {
  const init = { method, headers: { "content-type": "application/json" } };
  const url = `http://127.0.0.1:${port}${path}`;
  const response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text };
}

test("the version is that of the package", LIMIT, () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.deepEqual(run(["--version"]), { status: 0, stdout: `${version}\n`, stderr: "" });
});

test("the help lists every setting with its three names, and the exit codes", LIMIT, () => {
  const { status, stdout } = run(["start", "--help"]);
  assert.equal(status, 0);
  for (const line of [
    /--log-level +PEAL_LOG_LEVEL +log-level/,
    /--config +PEAL_CONFIG/,
    /4 +another server uses/,
    /^ {2}--ephemeral/m,
  ]) {
    assert.match(stdout, line);
  }
});

test("an unknown flag or command is refused with exit code 2, and the flag that was meant is named", LIMIT, () => {
  const flag = run(["start", "--prot", "1"]);
  assert.equal(flag.status, 2);
  assert.match(flag.stderr, /unknown option '--prot'.*Did you mean --port\?/s);
  assert.equal(run(["begin"]).status, 2);
});

test("a bad value ends with exit code 2 and a line per problem", LIMIT, () => {
  const { status, stdout, stderr } = run(["start", "--port", "http"], { PEAL_PROFILE: "strict" });
  assert.deepEqual([status, stdout], [2, ""]);
  assert.equal(
    stderr,
    'peal: --port is "http"; use a whole number from 0 to 65535; 0 takes a free port\n' +
      'peal: PEAL_PROFILE is "strict"; use one of service, emulator\n',
  );
});

test("a config file is read, and its mistakes are told with their line", LIMIT, async () => {
  const good = join(folder, "good.yaml");
  writeFileSync(good, "ephemeral: true\nhost: 127.0.0.1\nlog-level: silent\n");
  const server = await start(["--config", good]);
  assert.equal((await rest(server.port, "GET", "/")).status, 200);
  assert.equal(await server.stop("SIGTERM"), 0);
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, "ephemeral: true\nprot: 1\n");
  const { status, stderr } = run(["start", "--config", bad]);
  assert.deepEqual([status, stderr], [2, `peal: ${bad}:2: prot is not a setting; did you mean port?\n`]);
});

test("a directory is served, a second server for it is refused with 4, and a drain ends with 0", LIMIT, async () => {
  const server = await start(["--data", "locked"]);
  assert.equal((await rest(server.port, "GET", "/")).status, 200);
  const second = run(["start", "--port", "0", "--data", "locked"]);
  assert.equal(second.status, 4);
  assert.match(second.stderr, /^peal: .*locked is open in another process; stop it or use another directory$/m);
  assert.equal(await server.stop("SIGTERM"), 0);
  assert.match(server.stderr(), /"msg":"drained"/);
});

test("what was published before kill -9 is received after it, and what was acked is not", LIMIT, async () => {
  const first = await start(["--data", "killed"]);
  await rest(first.port, "PUT", "/v1/projects/proj/topics/topic");
  await rest(first.port, "PUT", "/v1/projects/proj/subscriptions/sub", { topic: "projects/proj/topics/topic" });
  const publish = (data: string) => ({ messages: [{ data: Buffer.from(data).toString("base64") }] });
  await rest(first.port, "POST", "/v1/projects/proj/topics/topic:publish", publish("acked"));
  const pulled = await rest(first.port, "POST", "/v1/projects/proj/subscriptions/sub:pull", { maxMessages: 1 });
  const [{ ackId }] = JSON.parse(pulled.text).receivedMessages;
  assert.equal(
    (await rest(first.port, "POST", "/v1/projects/proj/subscriptions/sub:acknowledge", { ackIds: [ackId] })).status,
    200,
  );
  await rest(first.port, "POST", "/v1/projects/proj/topics/topic:publish", publish("kept"));
  assert.equal(await first.stop("SIGKILL"), "SIGKILL");

  const second = await start(["--data", "killed"]);
  const again = await rest(second.port, "POST", "/v1/projects/proj/subscriptions/sub:pull", { maxMessages: 9 });
  const { receivedMessages } = JSON.parse(again.text);
  assert.deepEqual(
    receivedMessages.map(({ message }: { message: { data: string } }) =>
      Buffer.from(message.data, "base64").toString(),
    ),
    ["kept"],
  );
  assert.equal(await second.stop("SIGINT"), 0);
});

test("a taken port ends with 3 and says what to do", LIMIT, async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  assert.ok(address !== null && typeof address === "object");
  const { status, stderr } = run(["start", "--ephemeral", "--host", "127.0.0.1", "--port", String(address.port)]);
  other.close();
  assert.equal(status, 3);
  assert.match(
    stderr,
    new RegExp(`port ${address.port} of 127.0.0.1 is taken by another process; stop it, or use another port`),
  );
});

test("an address of another machine ends with 3", LIMIT, () => {
  const { status, stderr } = run(["start", "--ephemeral", "--port", "0", "--host", "192.0.2.1"]);
  assert.equal(status, 3);
  assert.match(stderr, /192\.0\.2\.1:0 cannot be used \(EADDRNOTAVAIL\)/);
});

test("a directory that cannot be made ends with 5", LIMIT, () => {
  writeFileSync(join(folder, "file"), "");
  const { status, stderr } = run(["start", "--port", "0", "--data", "file/below"]);
  assert.equal(status, 5);
  assert.match(stderr, /file\/below cannot be written to .*; make it one that this user may write to, or use another/);
});

test("a directory of a newer version ends with 6, and a damaged one with 7", LIMIT, async () => {
  const server = await start(["--data", "newer"]);
  await server.stop("SIGTERM");
  const path = join(folder, "newer", "store.json");
  const store = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...store, format: 1_000_000 }));
  const newer = run(["start", "--port", "0", "--data", "newer"]);
  assert.equal(newer.status, 6);
  assert.match(newer.stderr, /says format 1000000.*use a newer one/);
  writeFileSync(path, "not JSON");
  assert.equal(run(["start", "--port", "0", "--data", "newer"]).status, 7);
});

test("an ephemeral server says so and writes nothing", LIMIT, async () => {
  const server = await start(["--ephemeral"], { PEAL_LOG_LEVEL: "silent" });
  assert.equal(await server.stop("SIGTERM"), 0);
  assert.equal(
    server.stderr(),
    "peal: --ephemeral: everything is kept in memory only, and gone when this process ends\n",
  );
  assert.equal(existsSync(join(folder, "peal-data")), false);
});

test("the clock can be moved with --test-clock, and never without", LIMIT, async () => {
  const plain = await start(["--ephemeral"]);
  assert.equal((await rest(plain.port, "POST", "/_/clock:advance", { by: "11m" })).status, 404);
  await plain.stop("SIGTERM");
  const clocked = await start(["--ephemeral", "--test-clock"]);
  assert.equal((await rest(clocked.port, "POST", "/_/clock:advance", { by: "11m" })).status, 200);
  assert.equal((await rest(clocked.port, "POST", "/_/clock:advance", { by: 11 })).status, 400);
  await clocked.stop("SIGTERM");
});

test("both loopback addresses of the machine answer on the same port", LIMIT, async () => {
  const server = await start(["--ephemeral"]);
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
  for (const host of hasIpv6 ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"]) {
    const response = await fetch(`http://${host}:${server.port}/metrics`);
    assert.match(await response.text(), /^peal_topics 0$/m);
  }
  await server.stop("SIGTERM");
});

test("a certificate that cannot be read or used ends with 2", LIMIT, () => {
  const words = ["start", "--ephemeral", "--port", "0", "--tls-key", "key.pem", "--tls-cert", "cert.pem"];
  const missing = run(words);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /tls-cert cannot be read \(ENOENT/);
  writeFileSync(join(folder, "cert.pem"), "no certificate");
  writeFileSync(join(folder, "key.pem"), "no key");
  const broken = run(words);
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /the certificate and key cannot be used .*; give PEM files that belong together/);
});

test("a second signal ends a drain that waits, with 130 for SIGINT", LIMIT, async () => {
  const server = await start(["--ephemeral"]);
  await rest(server.port, "PUT", "/v1/projects/proj/topics/topic");
  await rest(server.port, "PUT", "/v1/projects/proj/subscriptions/sub", { topic: "projects/proj/topics/topic" });
  // An open connection that never ends by itself keeps the drain waiting.
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("POST /v1/projects/proj/topics/topic:publish HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
  await rest(server.port, "GET", "/");
  server.child.kill("SIGTERM");
  while (!server.stderr().includes('"msg":"draining"')) await once(server.child.stderr, "data");
  assert.equal(await server.stop("SIGINT"), 130);
  socket.destroy();
});

test(
  "a disk that fails while the server runs ends it with 8, and the next start serves what was promised",
  LIMIT,
  async (context) => {
    if (process.platform === "win32")
      return context.skip("the limit on the size of a file is a shell's, and Windows has none");
    // The system refuses to let any file grow beyond the limit, in units of 512 bytes: writes of the log fail like on a bad disk.
    const child = spawn(
      "sh",
      ["-c", 'ulimit -f 40000; exec "$0" "$@"', process.execPath, PEAL, "start", "--port", "0", "--data", "failing"],
      {
        cwd: folder,
        env: environment(),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    children.add(child);
    const exited = once(child, "exit");
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [line] = await once(createInterface(child.stdout), "line");
    const port = Number(String(line).split(" ").at(-1));
    await rest(port, "PUT", "/v1/projects/proj/topics/topic");
    await rest(port, "PUT", "/v1/projects/proj/subscriptions/sub", { topic: "projects/proj/topics/topic" });
    const body = { messages: [{ data: Buffer.alloc(3_000_000, "x").toString("base64") }] };
    let published = 0;
    for (;;) {
      const answer = await rest(port, "POST", "/v1/projects/proj/topics/topic:publish", body).catch(() => undefined);
      if (answer?.status !== 200) break;
      published += 1;
    }
    assert.equal((await exited)[0], 8);
    assert.match(stderr, /^peal: the disk failed \(EFBIG.*\); see to it, then start again$/m);

    const server = await start(["--data", "failing"]);
    let received = 0;
    while (received < published) {
      const pulled = await rest(server.port, "POST", "/v1/projects/proj/subscriptions/sub:pull", { maxMessages: 1 });
      assert.equal(pulled.status, 200);
      received += JSON.parse(pulled.text).receivedMessages.length;
    }
    assert.ok(published > 0);
    assert.equal(await server.stop("SIGTERM"), 0);
  },
);
