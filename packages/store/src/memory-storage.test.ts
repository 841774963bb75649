import { openMemoryStorage } from "./memory-storage.js";
import { describeStore } from "./store-contract.js";

describeStore(
  "memory engine",
  async () => {
    let nowMs = 0;
    const open = () => openMemoryStorage({ monotonicMs: () => nowMs });
    let storage = open();
    return {
      storage,
      reopen: async () => {
        await storage.close();
        storage = open();
        return storage;
      },
      advanceMs: (ms) => {
        nowMs += ms;
      },
      destroy: () => storage.close(),
    };
  },
  { dense: true, durable: false },
);
