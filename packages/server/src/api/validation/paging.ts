// Page sizes and page tokens. A token holds the name of the last resource that was returned, so that it works after that
// resource is gone and after a restart, and a digest that ties it to the list it came from: no other text is taken.
import { createHash, timingSafeEqual } from "node:crypto";
import { LIMITS } from "@peal/wire/hot";
import { badPageToken, outOfBounds } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";

const DIGEST_BYTES = 9;
/** Marks a name that lies outside of the list's own project and is held in full. */
const FOREIGN = "/";

/** A list that is paged: its parent, and what all names in that parent begin with. */
export interface PagedList {
  /** Says which list a token belongs to, as in `topics of projects/p`. */
  readonly scope: string;
  /** What most names of the list begin with, as in `projects/p/topics/`; left out of tokens. */
  readonly prefix: string;
}

/**
 * Returns how many resources a page may hold.
 *
 * @throws PubSubError INVALID_ARGUMENT where the size is out of bounds and the profile minds.
 */
export function checkPageSize(rules: ProfileRules, pageSize: number): number {
  const { min, max } = LIMITS.pageSize;
  if (pageSize === 0) return LIMITS.defaultPageSize;
  if (pageSize >= min && pageSize <= max) return pageSize;
  if (rules.checksPaging) throw outOfBounds("page_size", pageSize, min, max);
  return max;
}

/** Makes the token of the page that follows `lastName`. */
export function pageTokenAfter(list: PagedList, lastName: string): string {
  const text = lastName.startsWith(list.prefix) ? lastName.slice(list.prefix.length) : FOREIGN + lastName;
  return Buffer.concat([digestOf(list, text), Buffer.from(text)]).toString("base64url");
}

/**
 * Returns the name after which a page begins; undefined for the first page.
 *
 * @throws PubSubError INVALID_ARGUMENT for a token that was not made for this list, where the profile minds.
 */
export function nameBeforePage(rules: ProfileRules, list: PagedList, token: string): string | undefined {
  if (token === "") return undefined;
  const name = openToken(list, token);
  if (name !== undefined) return name;
  if (rules.checksPaging) throw badPageToken(token);
  return justBefore(token);
}

function openToken(list: PagedList, token: string): string | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length <= DIGEST_BYTES || bytes.toString("base64url") !== token) return undefined;
  const text = bytes.toString("utf8", DIGEST_BYTES);
  if (!timingSafeEqual(bytes.subarray(0, DIGEST_BYTES), digestOf(list, text))) return undefined;
  return text.startsWith(FOREIGN) ? text.slice(FOREIGN.length) : list.prefix + text;
}

/** Longer than the token of the longest name: two ids of 255 characters, each up to 4 bytes in UTF-8. */
const MAX_TOKEN_LENGTH = 4096;

/** No key is needed: a token gives access to nothing, the digest only tells it from garbage and from other lists' tokens. */
function digestOf(list: PagedList, text: string): Buffer {
  return createHash("sha256").update(`${list.scope}\n${text}`).digest().subarray(0, DIGEST_BYTES);
}

/** A bound below `name` and above every sensible name before it: the emulator's tokens name the next resource. (EMU-24) */
function justBefore(name: string): string {
  const last = name.length - 1;
  return `${name.slice(0, last)}${String.fromCharCode(Math.max(0, name.charCodeAt(last) - 1))}\uffff`;
}
