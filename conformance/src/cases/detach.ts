import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { okJson } from "../rest.js";

export const DETACH_CASES: readonly ConformanceCase[] = [
  {
    id: "DET-001",
    title: "a detached subscription has no backlog and refuses pulls and streams",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "dropped");
      await context.publisher.detachSubscription({ subscription });
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.equal(read.detached, true);
      assert.equal(read.topic, topic);
      await context.refuses(context.pullNow(subscription), "FAILED_PRECONDITION");
      const stream = context.openStream(subscription);
      await context.refuses(
        stream.waitForEnd().then((end) => Promise.reject(Object.assign(new Error(end.text), { code: end.code }))),
        "FAILED_PRECONDITION",
      );
    },
  },
  {
    id: "DET-002",
    title: "a detached subscription is listed, but not by its topic",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const attached = await context.createSubscription(topic);
      await context.publisher.detachSubscription({ subscription });
      const [ofTopic] = await context.publisher.listTopicSubscriptions({ topic });
      assert.deepEqual(ofTopic, [attached]);
      const [ofProject] = await context.subscriber.listSubscriptions({ project: `projects/${context.project}` });
      assert.deepEqual(ofProject.map(({ name }) => name).sort(), [attached, subscription].sort());
    },
  },
  {
    id: "DET-004",
    title: "detaching is a permission of the topic, not of the subscription",
    needs: ["iam"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const permissions = ["pubsub.topics.detachSubscription"];
      const ofTopic = await context.rest("POST", `/v1/${topic}:testIamPermissions`, { permissions });
      assert.deepEqual(okJson(ofTopic)["permissions"], permissions);
      const ofSubscription = await context.rest("POST", `/v1/${subscription}:testIamPermissions`, { permissions });
      assert.equal(okJson(ofSubscription)["permissions"], undefined);
    },
  },
];
