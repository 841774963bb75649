import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Disk, isMissing } from "./disk.js";
import { FORMAT_VERSION, IDENTITY_BYTES } from "./frame.js";
import { StorageOpenError } from "./storage-open-error.js";

const FILE_NAME = "store.json";
const TEMPORARY_NAME = "store.json.new";

/** How the index's file was when the engine was closed: if it is another one now, it is not trusted unseen. */
export interface IndexFingerprint {
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

interface StoreFile {
  readonly format: number;
  readonly identity: string;
  readonly startNumber: number;
  /** Absent while the engine is open, and so after a crash. */
  readonly closedIndex?: IndexFingerprint;
}

/**
 * The file that says what a data directory is: its format, its identity (drawn once) and how often it was opened. It is
 * replaced as a whole, so it is never half written.
 */
export class DataDirectory {
  readonly path: string;
  readonly #disk: Disk;
  #file: StoreFile;

  private constructor(disk: Disk, path: string, file: StoreFile) {
    this.#disk = disk;
    this.path = path;
    this.#file = file;
  }

  get identity(): Buffer {
    return Buffer.from(this.#file.identity, "hex");
  }

  /** Counts the openings, from 1; durable before anything else is written. */
  get startNumber(): number {
    return this.#file.startNumber;
  }

  /** Opens the directory and counts this start. @returns How the index was left, if the last end was a clean one. */
  static async open(disk: Disk, path: string): Promise<{ directory: DataDirectory; closedIndex?: IndexFingerprint }> {
    const known = await readStoreFile(disk, path);
    const identity = known?.identity ?? randomBytes(IDENTITY_BYTES).toString("hex");
    const file = { format: FORMAT_VERSION, identity, startNumber: (known?.startNumber ?? 0) + 1 };
    const directory = new DataDirectory(disk, path, file);
    await directory.#write(file);
    return { directory, ...(known?.closedIndex === undefined ? {} : { closedIndex: known.closedIndex }) };
  }

  /** Says that all is closed in good order. */
  async close(closedIndex: IndexFingerprint): Promise<void> {
    await this.#write({ ...this.#file, closedIndex });
  }

  async #write(file: StoreFile): Promise<void> {
    const temporary = join(this.path, TEMPORARY_NAME);
    const handle = await this.#disk.open(temporary, { create: true });
    try {
      const bytes = Buffer.from(`${JSON.stringify(file)}\n`);
      await handle.write([bytes], 0);
      await handle.truncate(bytes.byteLength);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await this.#disk.rename(temporary, join(this.path, FILE_NAME));
    await this.#disk.syncDirectory(this.path);
    this.#file = file;
  }
}

async function readStoreFile(disk: Disk, path: string): Promise<StoreFile | undefined> {
  const name = join(path, FILE_NAME);
  let text: string;
  try {
    const handle = await disk.open(name, { create: false });
    const bytes = Buffer.alloc(await handle.size());
    await handle.read(bytes, 0);
    await handle.close();
    text = bytes.toString();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return parseStoreFile(name, text);
}

function parseStoreFile(name: string, text: string): StoreFile {
  let file: Partial<StoreFile>;
  try {
    file = JSON.parse(text) as Partial<StoreFile>;
  } catch (error) {
    throw new StorageOpenError("Corrupt", `${name} is not JSON; restore it from a backup`, { cause: error });
  }
  if (typeof file.format === "number" && file.format > FORMAT_VERSION) {
    const text = `${name} says format ${file.format}; this version of peal knows up to ${FORMAT_VERSION}: use a newer one`;
    throw new StorageOpenError("NewerFormat", text);
  }
  const { format, identity, startNumber, closedIndex } = file;
  const isIdentity = typeof identity === "string" && /^[0-9a-f]{32}$/.test(identity);
  if (format !== FORMAT_VERSION || !isIdentity || !Number.isSafeInteger(startNumber)) {
    throw new StorageOpenError("Corrupt", `${name} does not say what it should; restore it from a backup`);
  }
  return { format, identity, startNumber: startNumber!, ...(closedIndex === undefined ? {} : { closedIndex }) };
}
