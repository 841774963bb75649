import type { Storage } from "@peal/store";
import type { CommitLine } from "./commit-line.js";
import { decodeJson, encodeJson } from "./stored-json.js";

const KEY = "engine/ack-key";

/**
 * The key that signs ack ids: drawn once for each identity of the store, so that ids live as long as it does. A copy
 * has another identity and draws another key, since its positions will name other messages.
 *
 * @param draw - Answers 16 random bytes.
 */
export async function openAckKey(
  storage: Storage,
  commits: CommitLine,
  identity: string,
  draw: () => Uint8Array,
): Promise<Uint8Array> {
  const entry = await storage.get(KEY);
  if (entry !== undefined) {
    const stored = decodeJson<{ identity: string; key: string }>(KEY, entry.value);
    if (stored.identity === identity) return Buffer.from(stored.key, "base64");
  }
  const key = draw();
  const value = encodeJson({ identity, key: Buffer.from(key).toString("base64") });
  await commits.commit([{ kind: "put", key: KEY, value, revision: entry?.revision ?? null }]);
  return key;
}
