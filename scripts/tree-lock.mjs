// One setup at a time in a tree. The lock is a listening socket: the kernel drops it with its owner, so none is ever stale.
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Waits until no other process holds the tree, and takes it.
 *
 * @param {string} root - Absolute path of the tree.
 * @returns {Promise<() => void>} Gives it back; so does the end of the process.
 */
export async function lockTree(root) {
  const address = addressOf(root);
  for (;;) {
    const server = await listen(address);
    if (server !== undefined) return () => server.close();
    await untilFree(address);
  }
}

function addressOf(root) {
  const name = `peal-setup-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** Resolves to a listening server, or to undefined when another process has the address. */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(address, () => resolve(server));
  });
}

/** Resolves when the owner is gone: it never accepts, so the connection ends with its process or its `close`. */
function untilFree(address) {
  return new Promise((resolve) => {
    const connection = createConnection(address);
    connection.once("close", () => resolve());
    connection.once("error", (error) => {
      // A socket file that nobody listens on is left over from a process that died; abstract sockets and pipes leave none.
      if (error.code === "ECONNREFUSED" && !address.startsWith("\0")) rmSync(address, { force: true });
    });
  });
}
