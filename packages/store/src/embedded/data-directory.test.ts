import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openEmbeddedStorage, type StorageEvent } from "./embedded-storage.js";
import { StorageOpenError } from "./storage-open-error.js";

const root = await mkdtemp(join(tmpdir(), "peal-directory-"));
after(() => rm(root, { recursive: true }));

const open = (directory: string, events: StorageEvent[] = []) =>
  openEmbeddedStorage({ directory, reserveBytes: 0, log: (event) => events.push(event) });

async function refusedWith(code: string, directory: string, ...words: string[]): Promise<void> {
  await assert.rejects(open(directory), (error) => {
    assert.ok(error instanceof StorageOpenError, String(error));
    assert.equal(error.code, code);
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    return true;
  });
}

test("a directory keeps its identity and counts its starts", async () => {
  const directory = join(root, "deep", "identity");
  const first = await open(directory);
  const { identity } = first;
  assert.match(identity, /^[0-9a-f]{32}$/);
  assert.equal(first.startNumber, 1);
  await first.close();
  const second = await open(directory);
  assert.deepEqual([second.identity, second.startNumber], [identity, 2]);
  await second.close();
  const elsewhere = await open(join(root, "other"));
  assert.notEqual(elsewhere.identity, identity);
  await elsewhere.close();
});

test("a directory that is open is locked, by any path, until it is closed", async () => {
  const directory = join(root, "locked");
  const storage = await open(directory);
  await refusedWith("DirectoryLocked", directory, directory);
  await symlink(directory, join(root, "alias"));
  await refusedWith("DirectoryLocked", join(root, "alias"));
  await storage.close();
  await (await open(directory)).close();
});

test("a path too long for a socket address is locked as well", async () => {
  const directory = join(root, "long".repeat(30));
  const events: StorageEvent[] = [];
  const storage = await open(directory, events);
  await refusedWith("DirectoryLocked", directory);
  await storage.close();
  assert.deepEqual(events, []);
  await (await open(directory)).close();
});

test("the lock of a killed process is gone with it, and what it committed is there", async () => {
  const directory = join(root, "killed");
  const script = join(root, "hold.mjs");
  const entry = new URL("./embedded-storage.js", import.meta.url).href;
  await writeFile(
    script,
    `import { openEmbeddedStorage } from ${JSON.stringify(entry)};
     const storage = await openEmbeddedStorage({ directory: ${JSON.stringify(directory)}, reserveBytes: 0 });
     await storage.commit([{ kind: "put", key: "k", value: Buffer.from("v"), revision: null }]);
     process.send("ready");
     setInterval(() => undefined, 1000);`,
  );
  const child = fork(script);
  await once(child, "message");
  await refusedWith("DirectoryLocked", directory);
  child.kill("SIGKILL");
  await once(child, "exit");
  const storage = await open(directory);
  assert.equal(storage.startNumber, 2);
  assert.equal(Buffer.from((await storage.get("k"))!.value).toString(), "v");
  await storage.close();
});

test("a directory of a newer format is refused and left alone", async () => {
  const directory = join(root, "newer");
  await (await open(directory)).close();
  const path = join(directory, "store.json");
  const text = (await readFile(path, "utf8")).replace('"format":1', '"format":2');
  await writeFile(path, text);
  await refusedWith("NewerFormat", directory, "format 2");
  assert.equal(await readFile(path, "utf8"), text);
});

test("a store file that says nothing sensible is refused with its name", async () => {
  const directory = join(root, "senseless");
  await (await open(directory)).close();
  const path = join(directory, "store.json");
  for (const text of ["", "{", "[]", '{"format":1}', '{"format":1,"identity":"x","startNumber":1}']) {
    await writeFile(path, text);
    await refusedWith("Corrupt", directory, path);
  }
});

test("a directory that cannot be written to is refused", {
  skip: process.getuid?.() === 0 && "root may write anywhere",
}, async () => {
  const directory = join(root, "readonly");
  await mkdir(directory);
  await chmod(directory, 0o500);
  await refusedWith("Unwritable", directory, directory);
});

test("a path that is a file is refused as not writable", async () => {
  const path = join(root, "file");
  await writeFile(path, "");
  await refusedWith("Unwritable", path, path);
  await refusedWith("Unwritable", join(path, "below"), path);
});
