import assert from "node:assert/strict";
import test from "node:test";
import { candidatesOf, parseHosts, parseSearch } from "./resolver-files.js";

test("the hosts file gives every name of a line its address, IPv4 first", () => {
  const hosts = parseHosts(
    "# comment\n127.0.0.1\tlocalhost Local # trailing\n::1 localhost\n\nfe80::1%lo0 scoped\nnonsense x\n10.0.0.5   app\r\n",
  );
  assert.deepEqual(hosts.get("localhost"), [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ]);
  assert.deepEqual(hosts.get("local"), [{ address: "127.0.0.1", family: 4 }]);
  assert.deepEqual(hosts.get("app"), [{ address: "10.0.0.5", family: 4 }]);
  assert.deepEqual([hosts.has("x"), hosts.has("trailing")], [false, false]);
});

test("the search list is the last one, with the dots from which a name stands for itself", () => {
  const text =
    "nameserver 10.0.0.10\ndomain a\nsearch ns.svc.cluster.local svc.cluster.local ; x\noptions ndots:5 timeout:1\n";
  assert.deepEqual(parseSearch(text), { domains: ["ns.svc.cluster.local", "svc.cluster.local"], ndots: 5 });
  assert.deepEqual(parseSearch("domain one\nsearch .\n"), { domains: [], ndots: 1 });
  assert.deepEqual(parseSearch(""), { domains: [], ndots: 1 });
});

test("a short name is tried in the domains first, a long one by itself first, one with a final dot only so", () => {
  const rules = { domains: ["a.local", "b.local."], ndots: 2 };
  assert.deepEqual(candidatesOf("app", rules), ["app.a.local", "app.b.local", "app"]);
  assert.deepEqual(candidatesOf("x.example.com", rules), [
    "x.example.com",
    "x.example.com.a.local",
    "x.example.com.b.local",
  ]);
  assert.deepEqual(candidatesOf("example.com.", rules), ["example.com"]);
});
