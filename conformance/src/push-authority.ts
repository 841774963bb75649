import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSelfSigned, type TlsPair } from "./self-signed.js";

/** What receivers show, and the file by which servers trust it. */
export interface PushAuthority extends TlsPair {
  readonly path: string;
}

let authority: PushAuthority | undefined;

/** Returns the authority of this run; it is made when first asked for, and its file is gone with the process. */
export function pushAuthority(): PushAuthority {
  if (authority === undefined) {
    const directory = mkdtempSync(join(tmpdir(), "peal-conformance-ca-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    const pair = makeSelfSigned();
    authority = { ...pair, path: join(directory, "ca.pem") };
    writeFileSync(authority.path, pair.cert);
  }
  return authority;
}
