import { join } from "node:path";
import { type Disk, isMissing, isNoSpace } from "./disk.js";

const FILE_NAME = "reserve";
const STEP_BYTES = 1024 * 1024;

/**
 * Room kept back in a file of its own. When the disk is full it is given up: messages are refused from then on, and acks,
 * deletes, trims and the index have that room to go on with. When there is space again it is laid in anew.
 */
export class SpaceReserve {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #sizeBytes: number;
  #isSpent = false;

  constructor(disk: Disk, directory: string, sizeBytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#sizeBytes = sizeBytes;
  }

  /** Whether the room is given up. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Lays the reserve in. @returns Whether there was room. */
  async lay(): Promise<boolean> {
    const file = await this.#disk.open(join(this.#directory, FILE_NAME), { create: true });
    try {
      const zeros = Buffer.alloc(STEP_BYTES);
      for (let at = await file.size(); at < this.#sizeBytes; at += STEP_BYTES) {
        await file.write([zeros.subarray(0, Math.min(STEP_BYTES, this.#sizeBytes - at))], at);
      }
      await file.datasync();
      this.#isSpent = false;
      return true;
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      await file.truncate(0);
      this.#isSpent = true;
      return false;
    } finally {
      await file.close();
    }
  }

  /** Gives the room up. @returns Whether there was any left to give. */
  async spend(): Promise<boolean> {
    if (this.#isSpent) return false;
    this.#isSpent = true;
    try {
      await this.#disk.unlink(join(this.#directory, FILE_NAME));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return true;
  }

  /** Lays the reserve in again if the disk has twice its room. @returns Whether it is there now. */
  async restore(): Promise<boolean> {
    if (!this.#isSpent) return true;
    if ((await this.#disk.freeBytes(this.#directory)) < 2 * this.#sizeBytes) return false;
    return await this.lay();
  }
}
