import type { ListSlice } from "../../engine/engine-contract.js";
import type { ProfileRules } from "../profile.js";
import { checkPageSize, nameBeforePage, type PagedList, pageTokenAfter } from "../validation/paging.js";

interface PageQuery<Item> {
  readonly rules: ProfileRules;
  readonly list: PagedList;
  readonly request: { readonly pageSize: number; readonly pageToken: string };
  readonly read: (slice: ListSlice) => readonly Item[];
  readonly nameOf: (item: Item) => string;
}

/**
 * Reads the page that a list request asks for. The token is empty on the last one.
 *
 * @throws PubSubError INVALID_ARGUMENT for a bad size or token, and what `read` throws.
 */
export function readPage<Item>(query: PageQuery<Item>): { readonly items: Item[]; readonly nextPageToken: string } {
  const { rules, list, request, nameOf } = query;
  const size = checkPageSize(rules, request.pageSize);
  const after = nameBeforePage(rules, list, request.pageToken);
  // One more than the page holds tells whether another one follows.
  const found = query.read({ after, limit: size + 1 });
  const items = found.slice(0, size);
  const last = items.at(-1);
  const hasMore = found.length > size && last !== undefined;
  return { items, nextPageToken: hasMore ? pageTokenAfter(list, nameOf(last)) : "" };
}
