/** How a connection finds its address: the rules hold for the address that is then used, not for one asked before. */
import type { LookupFunction } from "node:net";
import { isPublicAddress } from "./address-rules.js";
import type { Address } from "./name-resolver.js";

/** The word for an endpoint without a public address. */
export const ADDRESS_REFUSED = "ADDRESS_REFUSED";

/** @param allowsPrivate - Else addresses that are not public are left out, and a name with no other is refused. */
export function guardedLookup(
  resolve: (host: string) => Promise<readonly Address[]>,
  allowsPrivate: boolean,
): LookupFunction {
  const find = async (host: string): Promise<readonly [Address, ...Address[]]> => {
    const addresses = await resolve(host);
    const [first, ...others] = allowsPrivate ? addresses : addresses.filter((found) => isPublicAddress(found.address));
    if (first !== undefined) return [first, ...others];
    throw Object.assign(new Error(`${host} has no public address`), { code: ADDRESS_REFUSED });
  };
  return (host, { all }, callback) => {
    find(host).then(
      (found) => {
        if (all === true) callback(null, [...found]);
        else callback(null, found[0].address, found[0].family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    );
  };
}
