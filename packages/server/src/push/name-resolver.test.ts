import assert from "node:assert/strict";
import test from "node:test";
import { ManualClock } from "../engine/manual-clock.js";
import { settle } from "./fake-endpoint.test.support.js";
import { type DnsQueries, NameResolver } from "./name-resolver.js";
import { PUSH_LIMITS } from "./push-limits.js";

type Answer = readonly string[] | { readonly code: string };

/** Name servers that know a few names. */
class FakeDns implements DnsQueries {
  readonly asked: string[] = [];
  readonly v4 = new Map<string, Answer>();
  readonly v6 = new Map<string, Answer>();
  ttl = 10;
  opened = 0;

  async resolve4(name: string): Promise<readonly { address: string; ttl: number }[]> {
    this.asked.push(name);
    return this.#answer(this.v4.get(name));
  }

  async resolve6(name: string): Promise<readonly { address: string; ttl: number }[]> {
    return this.#answer(this.v6.get(name));
  }

  #answer(answer: Answer = { code: "ENOTFOUND" }): readonly { address: string; ttl: number }[] {
    if ("code" in answer) throw Object.assign(new Error(answer.code), answer);
    return answer.map((address) => ({ address, ttl: this.ttl }));
  }
}

function open(files: Readonly<Record<string, string>> = {}) {
  const clock = new ManualClock();
  const dns = new FakeDns();
  const system = { ...files };
  const resolver = new NameResolver({
    clock,
    openQueries: () => {
      dns.opened += 1;
      return dns;
    },
    readSystemFile: async (path) => system[path.endsWith("hosts") ? "hosts" : "resolv.conf"],
  });
  return { clock, dns, resolver, system };
}

test("the hosts file goes before name servers, and localhost is never asked for", async () => {
  const { dns, resolver } = open({ hosts: "10.1.1.1 app\n" });
  assert.deepEqual(await resolver.resolve("App"), [{ address: "10.1.1.1", family: 4 }]);
  assert.deepEqual(await resolver.resolve("localhost"), [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ]);
  assert.equal((await resolver.resolve("a.localhost.")).length, 2);
  assert.deepEqual(dns.asked, []);
});

test("addresses of both families are found, and one family is enough", async () => {
  const { dns, resolver } = open();
  dns.v4.set("both.test", ["1.1.1.1", "1.1.1.2"]);
  dns.v6.set("both.test", ["2606::1"]);
  dns.v6.set("six.test", ["2606::2"]);
  dns.v4.set("six.test", { code: "ETIMEOUT" });
  assert.deepEqual(await resolver.resolve("both.test"), [
    { address: "1.1.1.1", family: 4 },
    { address: "1.1.1.2", family: 4 },
    { address: "2606::1", family: 6 },
  ]);
  assert.deepEqual(await resolver.resolve("six.test"), [{ address: "2606::2", family: 6 }]);
});

test("the search list is gone through, and a server that cannot be reached says more than a name that is not there", async () => {
  const { dns, resolver } = open({ "resolv.conf": "search a.local b.local\noptions ndots:2\n" });
  dns.v4.set("app.b.local", ["10.0.0.7"]);
  assert.deepEqual(await resolver.resolve("app"), [{ address: "10.0.0.7", family: 4 }]);
  assert.deepEqual(dns.asked, ["app.a.local", "app.b.local"]);
  await assert.rejects(resolver.resolve("gone"), { code: "ENOTFOUND" });
  dns.v4.set("down.b.local", { code: "ETIMEOUT" });
  await assert.rejects(resolver.resolve("down"), { code: "ETIMEOUT" });
});

test("an answer is remembered for its time to live, half a minute at most, and asked for once at a time", async () => {
  const { clock, dns, resolver } = open();
  dns.v4.set("x.test", ["1.1.1.1"]);
  await Promise.all([resolver.resolve("x.test"), resolver.resolve("X.test")]);
  await clock.advance(9_999, settle);
  await resolver.resolve("x.test");
  assert.equal(dns.asked.length, 1);
  await clock.advance(1, settle);
  dns.ttl = 86_400;
  await resolver.resolve("x.test");
  await clock.advance(30_000, settle);
  await resolver.resolve("x.test");
  assert.equal(dns.asked.length, 3);
});

test("a failure is not remembered", async () => {
  const { dns, resolver } = open();
  await assert.rejects(resolver.resolve("x.test"));
  dns.v4.set("x.test", ["1.1.1.1"]);
  assert.equal((await resolver.resolve("x.test")).length, 1);
});

test("of ever so many names the last are remembered", async () => {
  const { dns, resolver } = open();
  for (let index = 0; index <= PUSH_LIMITS.rememberedNames; index += 1) {
    dns.v4.set(`${index}.test`, ["1.1.1.1"]);
    await resolver.resolve(`${index}.test`);
  }
  const before = dns.asked.length;
  await resolver.resolve("1.test");
  assert.equal(dns.asked.length, before);
  await resolver.resolve("0.test");
  assert.equal(dns.asked.length, before + 1);
});

test("files that change are seen, and name servers are opened anew when theirs does", async () => {
  const { clock, dns, resolver, system } = open({ hosts: "10.0.0.1 app\n" });
  await resolver.resolve("app");
  system["hosts"] = "10.0.0.2 app\n";
  await clock.advance(5_000, settle);
  assert.deepEqual(await resolver.resolve("app"), [{ address: "10.0.0.2", family: 4 }]);
  assert.equal(dns.opened, 1);
  system["resolv.conf"] = "nameserver 10.9.9.9\n";
  await clock.advance(5_000, settle);
  await resolver.resolve("app");
  assert.equal(dns.opened, 2);
});
