import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeStore } from "../store-contract.js";
import { openEmbeddedStorage } from "./embedded-storage.js";

describeStore(
  "embedded engine",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "peal-store-"));
    let nowMs = 0;
    const clock = {
      monotonicMs: () => nowMs,
      after: (delayMs: number, callback: () => void) => {
        const timer = setTimeout(callback, delayMs).unref();
        return () => clearTimeout(timer);
      },
    };
    const open = () => openEmbeddedStorage({ directory, clock, reserveBytes: 0 });
    let storage = await open();
    return {
      storage,
      reopen: async () => {
        await storage.close();
        storage = await open();
        return storage;
      },
      advanceMs: (ms) => {
        nowMs += ms;
      },
      destroy: async () => {
        await storage.close();
        await rm(directory, { recursive: true });
      },
    };
  },
  { dense: true, durable: true },
);
