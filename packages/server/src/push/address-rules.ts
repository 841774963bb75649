/** Which addresses are public: a push endpoint may be named by anybody who may create a subscription, and the server reaches more than they do. */
import { BlockList, isIP } from "node:net";

/** IANA's special-purpose registries, and what clouds use for their metadata outside of those. */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Only 2000::/3 is given out; within it, these are not for hosts, or carry an IPv4 address that would escape the rules. */
const PUBLIC_V6 = "2000::/3";
const NOT_PUBLIC_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
/** An IPv4 address in its last 32 bits: mapped, and translated by NAT64. */
const EMBEDDING_V6 = ["::ffff:0:0/96", "64:ff9b::/96"];

const notPublicV4 = blockListOf(NOT_PUBLIC_V4, "ipv4");
const publicV6 = blockListOf([PUBLIC_V6], "ipv6");
const notPublicV6 = blockListOf(NOT_PUBLIC_V6, "ipv6");
const embeddingV6 = blockListOf(EMBEDDING_V6, "ipv6");

/** False for what is not an IP address. */
export function isPublicAddress(address: string): boolean {
  const [bare = ""] = address.split("%", 1);
  switch (isIP(bare)) {
    case 4:
      return !notPublicV4.check(bare, "ipv4");
    case 6: {
      const embedded = embeddedV4(bare);
      if (embedded !== undefined) return isPublicAddress(embedded);
      return publicV6.check(bare, "ipv6") && !notPublicV6.check(bare, "ipv6");
    }
    default:
      return false;
  }
}

function embeddedV4(address: string): string | undefined {
  if (!embeddingV6.check(address, "ipv6")) return undefined;
  // The URL parser writes every form of an IPv6 address as hexadecimal groups.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(":");
  const bits = groups.slice(-2).map((group) => Number.parseInt(group === "" ? "0" : group, 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

function blockListOf(subnets: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = "", prefix] = subnet.split("/");
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
