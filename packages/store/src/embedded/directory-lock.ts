/**
 * One process per data directory, by sockets that the kernel takes away with the process; never by a pid in a file, since
 * in a container every server is pid 1.
 *
 * On Linux two sockets are held. An abstract one, named for the directory's device and inode, is taken or not in one
 * step; it is seen by all processes of one network namespace. A socket file in the directory is seen wherever the
 * directory is mounted on this machine, in other containers too. A file that nobody listens on is left from a crash and
 * is replaced. Where the file system has no sockets, only the first holds, and the log says so. Elsewhere there is the
 * socket file (macOS) or a named pipe (Windows). None of them sees another machine: data directories are local disks.
 */
import { createHash } from "node:crypto";
import { link, open, rename, stat, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { StorageOpenError } from "./storage-open-error.js";

const FILE_NAME = "lock.sock";
/** The longest path that fits into a socket address everywhere. */
const SOCKET_PATH_MAX = 100;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Takes the lock. @throws {StorageOpenError} `DirectoryLocked`. */
export async function lockDirectory(directory: string, log: (message: string) => void): Promise<DirectoryLock> {
  const servers: Server[] = [];
  const removals: (() => Promise<void>)[] = [];
  const release = async () => {
    for (const remove of removals) await remove();
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
  };
  try {
    const name = await kernelName(directory);
    if (name !== undefined) servers.push(await listen(name, directory));
    if (process.platform !== "win32") {
      const held = await lockFile(directory, log);
      if (held !== undefined) {
        servers.push(held.server);
        removals.push(held.remove);
      }
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

/** The name of the socket that exists in the kernel only, where there is such a thing. */
async function kernelName(directory: string): Promise<string | undefined> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const digest = createHash("sha256").update(`peal ${dev} ${ino}`).digest("hex").slice(0, 32);
  if (process.platform === "linux") return `\0peal-${digest}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\peal-${digest}`;
  return undefined;
}

/**
 * Listens on a file of an own name, then links it to the common name: that fails if the name is taken. A name that
 * nobody listens on is moved away first.
 */
async function lockFile(directory: string, log: (message: string) => void) {
  const path = join(directory, FILE_NAME);
  const own = join(directory, `lock-${process.pid}-${Date.now()}.sock`);
  const handle = path.length > SOCKET_PATH_MAX ? await open(directory, "r") : undefined;
  const short = (name: string) =>
    handle === undefined ? name : `/proc/self/fd/${handle.fd}/${name.slice(directory.length + 1)}`;
  try {
    const server = await listen(short(own), directory);
    const inode = (await stat(own)).ino;
    try {
      for (let attempt = 0; !(await tryLink(own, path)); attempt += 1) {
        if (attempt === 3 || (await isAlive(short(path)))) throw locked(directory);
        const stale = `${own}.stale`;
        await rename(path, stale);
        await unlink(stale);
      }
    } catch (error) {
      await new Promise((resolve) => server.close(resolve));
      throw error;
    } finally {
      // The own name was only the way to the common one.
      await unlink(own).catch(ignoreMissing);
    }
    const remove = async () => {
      const present = await stat(path).catch(ignoreMissing);
      if (present !== undefined && present.ino === inode) await unlink(path);
    };
    return { server, remove };
  } catch (error) {
    if (error instanceof StorageOpenError) throw error;
    log(`no lock file in ${directory} (${String(error)}); other containers that mount it are not kept out`);
    return undefined;
  } finally {
    await handle?.close();
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function listen(path: string, directory: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? locked(directory) : error);
    });
    server.listen({ path }, () => resolve(server));
  });
}

function locked(directory: string): StorageOpenError {
  return new StorageOpenError(
    "DirectoryLocked",
    `${directory} is open in another process; stop it or use another directory`,
  );
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
