/** What /etc/hosts and /etc/resolv.conf say of names. Pure. */
import { isIP } from "node:net";

/** Which names are tried for one. */
export interface SearchRules {
  readonly domains: readonly string[];
  /** A name with fewer dots is first tried in the domains. */
  readonly ndots: number;
}

/** The system's own bounds. */
const NDOTS_MAX = 15;
const DOMAINS_MAX = 32;

/** Addresses by name, in lower case; of one name IPv4 comes first. */
export function parseHosts(text: string): ReadonlyMap<string, readonly { address: string; family: 4 | 6 }[]> {
  const hosts = new Map<string, { address: string; family: 4 | 6 }[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = wordsOf(line, "#");
    const family = isIP(address);
    if (family !== 4 && family !== 6) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const addresses = hosts.get(key) ?? [];
      addresses.push({ address, family });
      hosts.set(key, addresses);
    }
  }
  for (const addresses of hosts.values()) addresses.sort((one, other) => one.family - other.family);
  return hosts;
}

/** The last `search` or `domain` line counts. */
export function parseSearch(resolvConf: string): SearchRules {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of resolvConf.split("\n")) {
    const [keyword, ...values] = wordsOf(line, "#", ";");
    if (keyword === "search") domains = values.slice(0, DOMAINS_MAX);
    else if (keyword === "domain") domains = values.slice(0, 1);
    else if (keyword === "options") {
      for (const value of values) {
        const [, digits] = /^ndots:(\d+)$/.exec(value) ?? [];
        if (digits !== undefined) ndots = Math.min(Number(digits), NDOTS_MAX);
      }
    }
  }
  return { domains: domains.filter((domain) => domain !== "."), ndots };
}

/** The names to ask DNS for, in order. */
export function candidatesOf(name: string, { domains, ndots }: SearchRules): readonly string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const found = domains.map((domain) => `${name}.${domain.replace(/\.$/, "")}`);
  return name.split(".").length - 1 >= ndots ? [name, ...found] : [...found, name];
}

function wordsOf(line: string, ...commentMarks: readonly string[]): readonly string[] {
  const end = Math.min(...commentMarks.map((mark) => (line.includes(mark) ? line.indexOf(mark) : line.length)));
  return line
    .slice(0, end)
    .split(/\s+/)
    .filter((word) => word !== "");
}
