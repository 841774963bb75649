import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { okJson } from "../rest.js";
import { invalidPageToken, notFound, outOfBounds } from "../texts.js";

interface Page {
  readonly names: string[];
  readonly nextPageToken: string;
}

async function topicsPage(context: Context, pageSize: number, pageToken = ""): Promise<Page> {
  const request = { project: `projects/${context.project}`, pageSize, pageToken };
  const [topics, , response] = await context.publisher.listTopics(request, { autoPaginate: false });
  return { names: topics.map(({ name }) => name ?? ""), nextPageToken: response.nextPageToken ?? "" };
}

/** Walks all pages; fails where they do not end. */
async function walk(page: (token: string) => Promise<Page>): Promise<{ names: string[]; sizes: number[] }> {
  const names: string[] = [];
  const sizes: number[] = [];
  let token = "";
  do {
    const next = await page(token);
    names.push(...next.names);
    sizes.push(next.names.length);
    token = next.nextPageToken;
    assert.ok(sizes.length <= 100, "the pages end");
  } while (token !== "");
  return { names, sizes };
}

async function createTopics(context: Context, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => context.topicName(`topic-${String(index).padStart(2, "0")}`));
  await Promise.all(ids.map((name) => context.createTopic({ name })));
  return ids;
}

export const PAGE_CASES: readonly ConformanceCase[] = [
  {
    id: "PAGE-001",
    title: "pages of one give every topic once, in order of name, and end with an empty token",
    run: async (context) => {
      const created = await createTopics(context, 5);
      const { names, sizes } = await walk((token) => topicsPage(context, 1, token));
      assert.deepEqual(names, created);
      assert.ok(Math.max(...sizes) === 1, `pages hold at most one topic: ${sizes}`);
    },
  },
  {
    id: "PAGE-002",
    title: "page size 0 returns all of a small set",
    run: async (context) => {
      const created = await createTopics(context, 7);
      const page = await topicsPage(context, 0);
      assert.deepEqual(page.names.sort(), created);
      assert.equal(page.nextPageToken, "");
    },
  },
  {
    id: "PAGE-003",
    title: "a page size outside 0..1000 is refused",
    profile: "service",
    run: async (context) => {
      for (const size of [-1, 1001]) {
        const text = outOfBounds("page_size", size, 0, 1000);
        await context.refuses(topicsPage(context, size), "INVALID_ARGUMENT", text);
        const project = `projects/${context.project}`;
        const list = context.subscriber.listSubscriptions({ project, pageSize: size }, { autoPaginate: false });
        await context.refuses(list, "INVALID_ARGUMENT", text);
      }
      assert.deepEqual((await topicsPage(context, 1000)).names, []);
    },
  },
  {
    id: "PAGE-004",
    title: "a page token that no list gave is refused",
    profile: "service",
    run: async (context) => {
      await createTopics(context, 1);
      await context.refuses(topicsPage(context, 1, "garbage"), "INVALID_ARGUMENT", invalidPageToken("garbage"));
    },
  },
  {
    id: "PAGE-005",
    title: "a page token outlives the resource at the boundary",
    run: async (context) => {
      const created = await createTopics(context, 5);
      const first = await topicsPage(context, 2);
      assert.deepEqual(first.names, created.slice(0, 2));
      await context.publisher.deleteTopic({ topic: created[1] ?? "" });
      const rest = await topicsPage(context, 10, first.nextPageToken);
      assert.deepEqual(rest.names, created.slice(2));
    },
  },
  {
    id: "PAGE-006",
    title: "an empty list is {} over REST",
    run: async (context) => {
      for (const collection of ["topics", "subscriptions"]) {
        assert.deepEqual(okJson(await context.rest("GET", `/${collection}`)), {});
      }
    },
  },
  {
    id: "PAGE-007",
    title: "ListTopicSubscriptions gives every subscription once",
    run: async (context) => {
      const topic = await context.createTopic();
      const created = ["sub-a", "sub-b", "sub-c"].map((id) => context.subscriptionName(id));
      for (const name of created) await context.createSubscription(topic, { name });
      const { names } = await walk(async (pageToken) => {
        const request = { topic, pageSize: 1, pageToken };
        const [page, , response] = await context.publisher.listTopicSubscriptions(request, { autoPaginate: false });
        return { names: page, nextPageToken: response.nextPageToken ?? "" };
      });
      assert.deepEqual(names, created);
    },
  },
  {
    id: "PAGE-007",
    title: "ListTopicSnapshots gives every snapshot once",
    needs: ["snapshots"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const created = ["snap-a", "snap-b", "snap-c"].map((id) => context.snapshotName(id));
      for (const name of created) await context.subscriber.createSnapshot({ name, subscription });
      const { names } = await walk(async (pageToken) => {
        const request = { topic, pageSize: 1, pageToken };
        const [page, , response] = await context.publisher.listTopicSnapshots(request, { autoPaginate: false });
        return { names: page, nextPageToken: response.nextPageToken ?? "" };
      });
      assert.deepEqual(names, created);
    },
  },
  {
    id: "PAGE-008",
    title: "ListTopicSubscriptions of a missing topic is NOT_FOUND",
    run: async (context) => {
      const topic = context.topicName("nowhere");
      await context.refuses(context.publisher.listTopicSubscriptions({ topic }), "NOT_FOUND", notFound(topic));
    },
  },
];
