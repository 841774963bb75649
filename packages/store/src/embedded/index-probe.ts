/** Run as a process of its own: reads an index file through, every row of it. What kills it would kill the server. */
import { statSync } from "node:fs";
import { open } from "lmdb";

const path = process.argv[2];
if (path === undefined) throw new Error("usage: index-probe FILE");
const database = open<Buffer, Buffer>({
  path,
  noSubdir: true,
  encoding: "binary",
  keyEncoding: "binary",
  readOnly: true,
});
const stats: { lastPageNumber?: number; pageSize?: number } = database.getStats();
const neededBytes = ((stats.lastPageNumber ?? 0) + 1) * (stats.pageSize ?? 0);
if (statSync(path).size < neededBytes) {
  process.stderr.write(`the file is cut: it has ${statSync(path).size} of ${neededBytes} bytes\n`);
  process.exit(1);
}
let bytes = 0;
for (const { key, value } of database.getRange({})) bytes += key.byteLength + value.byteLength;
process.exit(bytes > 0 ? 0 : 1);
