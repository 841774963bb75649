// The whole way: grpc-js over a real port to the gRPC server, the api, the real engine, and a store in memory.
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { after, before, describe, test } from "node:test";
import type { DescMessage } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { Publisher, SchemaService, Subscriber } from "@peal/wire";
import { ServerBed } from "./server-bed.test.support.js";

function texts(messages: readonly { readonly message?: { readonly data: Uint8Array } | undefined }[]): string[] {
  return messages.map(({ message }) => Buffer.from(message?.data ?? []).toString());
}

function datas(...values: string[]) {
  return values.map((value) => ({ data: Buffer.from(value) }));
}

describe("a server with the real engine", { timeout: 60_000 }, () => {
  let bed: ServerBed;

  before(async () => {
    bed = await ServerBed.start();
  });

  after(() => bed.close());

  test("what is published is pulled, once, and gone when it is acked", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("round-trip");
    const { messageIds } = await bed.call(Publisher.method.publish, { topic, messages: datas("one", "two") });
    assert.equal(messageIds.length, 2);
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 10 });
    assert.deepEqual(texts(receivedMessages), ["one", "two"]);
    assert.deepEqual(
      receivedMessages.map(({ message }) => message?.messageId),
      messageIds,
    );
    assert.equal(receivedMessages[0]?.deliveryAttempt, 0);
    const ackIds = receivedMessages.map(({ ackId }) => ackId);
    await bed.call(Subscriber.method.acknowledge, { subscription, ackIds });
    await bed.call(Subscriber.method.acknowledge, { subscription, ackIds });
    const empty = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1, returnImmediately: true });
    assert.deepEqual(empty.receivedMessages, []);
  });

  test("a nack brings a message back under a new ack id", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("nack");
    await bed.call(Publisher.method.publish, { topic, messages: datas("one") });
    const first = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    const ackIds = first.receivedMessages.map(({ ackId }) => ackId);
    await bed.call(Subscriber.method.modifyAckDeadline, { subscription, ackIds, ackDeadlineSeconds: 0 });
    const second = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.deepEqual(texts(second.receivedMessages), ["one"]);
    assert.notEqual(second.receivedMessages[0]?.ackId, ackIds[0]);
    assert.equal(second.receivedMessages[0]?.message?.messageId, first.receivedMessages[0]?.message?.messageId);
  });

  test("a waiting pull is answered by a publish", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("waiting");
    const answer = bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    await bed.call(Publisher.method.publish, { topic, messages: datas("late") });
    assert.deepEqual(texts((await answer).receivedMessages), ["late"]);
  });

  test("an empty pull is answered before its caller gives up", async () => {
    const { subscription } = await bed.topicAndSubscription("empty");
    const answer = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 }, 500);
    assert.deepEqual(answer.receivedMessages, []);
  });

  test("a stream gets what was published before and after it opened, and its acks count", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("stream");
    await bed.call(Publisher.method.publish, { topic, messages: datas("before") });
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60 });
    await stream.headers();
    await stream.until(() => stream.messages.length === 1);
    await bed.call(Publisher.method.publish, { topic, messages: datas("after") });
    await stream.until(() => stream.messages.length === 2);
    assert.deepEqual(texts(stream.messages), ["before", "after"]);
    assert.ok(stream.responses.every(({ subscriptionProperties }) => subscriptionProperties !== undefined));
    stream.send({ ackIds: [stream.messages[0]!.ackId] });
    stream.send({ modifyDeadlineAckIds: [stream.messages[1]!.ackId], modifyDeadlineSeconds: [0] });
    await stream.until(() => stream.messages.length === 3);
    assert.deepEqual(texts(stream.messages.slice(2)), ["after"]);
    stream.stream.end();
    assert.equal(await stream.ended, undefined);
    const rest = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 5, returnImmediately: true });
    assert.deepEqual(rest.receivedMessages, []);
  });

  test("a stream holds no more than its limit, and an ack by a unary call makes room", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("limit");
    await bed.call(Publisher.method.publish, { topic, messages: datas("a", "b", "c") });
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60, maxOutstandingMessages: 1n, protocolVersion: 1n });
    await stream.until(() => stream.messages.length === 1);
    const before = stream.responses.length;
    stream.send({});
    await stream.until(() => stream.responses.length > before);
    assert.equal(stream.messages.length, 1);
    await bed.call(Subscriber.method.acknowledge, { subscription, ackIds: [stream.messages[0]!.ackId] });
    await stream.until(() => stream.messages.length === 2);
    stream.stream.cancel();
  });

  test("a backlog of 5,000 messages comes through one stream in responses of at most 1,000", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("backlog");
    const messages = Array.from({ length: 1_000 }, (_, index) => ({ data: Buffer.from(`m${index}`) }));
    for (let round = 0; round < 5; round += 1) await bed.call(Publisher.method.publish, { topic, messages });
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60 });
    await stream.until(() => stream.messages.length >= 5_000);
    assert.equal(new Set(stream.messages.map(({ message }) => message?.messageId)).size, 5_000);
    assert.ok(stream.responses.every(({ receivedMessages }) => receivedMessages.length <= 1_000));
    stream.send({ ackIds: stream.messages.map(({ ackId }) => ackId) });
    stream.stream.end();
    assert.equal(await stream.ended, undefined);
    const rest = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1, returnImmediately: true });
    assert.deepEqual(rest.receivedMessages, []);
  });

  test("a stream ends when its subscription is deleted or detached", async () => {
    for (const [id, end, code] of [
      ["deleted", Subscriber.method.deleteSubscription, status.NOT_FOUND],
      ["detached", Publisher.method.detachSubscription, status.FAILED_PRECONDITION],
    ] as const) {
      const { subscription } = await bed.topicAndSubscription(id);
      const stream = bed.stream();
      stream.send({ subscription, streamAckDeadlineSeconds: 60 });
      await stream.headers();
      await bed.call<DescMessage, DescMessage>(end, { subscription });
      assert.equal((await stream.ended)?.code, code);
      await assert.rejects(bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 }), { code });
    }
  });

  test("a stream with a request above the limit ends, and holds no puller", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("oversized");
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60 });
    await stream.headers();
    stream.send({ clientId: "x".repeat(600_000) });
    const error = await stream.ended;
    assert.equal(error?.details, "Request payload size exceeds the limit: 524288 bytes.");
    await bed.call(Publisher.method.publish, { topic, messages: datas("one") });
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.deepEqual(texts(receivedMessages), ["one"]);
  });

  test("requests above the payload limits are refused with the text of the service", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("payload");
    await assert.rejects(
      bed.call(Publisher.method.publish, { topic, messages: [{ data: Buffer.alloc(10_485_760) }] }),
      { code: status.INVALID_ARGUMENT, details: "Request payload size exceeds the limit: 10485760 bytes." },
    );
    await assert.rejects(bed.call(Subscriber.method.acknowledge, { subscription, ackIds: ["x".repeat(524_288)] }), {
      code: status.INVALID_ARGUMENT,
      details: "Request payload size exceeds the limit: 524288 bytes.",
    });
  });

  test("an id from REST is acked over gRPC, and the other way round", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("mixed");
    await bed.call(Publisher.method.publish, { topic, messages: datas("one") });
    const response = await fetch(`${bed.url}/v1/${subscription}:pull`, { method: "POST", body: '{"maxMessages":1}' });
    const { receivedMessages } = JSON.parse(await response.text());
    await bed.call(Subscriber.method.acknowledge, { subscription, ackIds: [receivedMessages[0].ackId] });
    await bed.call(Publisher.method.publish, { topic, messages: datas("two") });
    const pulled = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 5 });
    assert.deepEqual(texts(pulled.receivedMessages), ["two"]);
    const ackIds = pulled.receivedMessages.map(({ ackId }) => ackId);
    const acked = await fetch(`${bed.url}/v1/${subscription}:acknowledge`, {
      method: "POST",
      body: JSON.stringify({ ackIds }),
    });
    assert.equal(await acked.text(), "{}\n");
  });

  test("an ack id of another subscription acks nothing here", async () => {
    const one = await bed.topicAndSubscription("owner");
    const other = await bed.topicAndSubscription("stranger");
    await bed.call(Publisher.method.publish, { topic: one.topic, messages: datas("mine") });
    const pulled = await bed.call(Subscriber.method.pull, { subscription: one.subscription, maxMessages: 1 });
    const ackIds = pulled.receivedMessages.map(({ ackId }) => ackId);
    await bed.call(Subscriber.method.acknowledge, { subscription: other.subscription, ackIds });
    await bed.call(Subscriber.method.modifyAckDeadline, {
      subscription: one.subscription,
      ackIds,
      ackDeadlineSeconds: 0,
    });
    const again = await bed.call(Subscriber.method.pull, { subscription: one.subscription, maxMessages: 1 });
    assert.deepEqual(texts(again.receivedMessages), ["mine"]);
  });

  test("a client's message id and publish time are overwritten", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("overwritten");
    const { messageIds } = await bed.call(Publisher.method.publish, {
      topic,
      messages: [{ data: Buffer.from("x"), messageId: "1", publishTime: { seconds: 1n } }],
    });
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.equal(receivedMessages[0]?.message?.messageId, messageIds[0]);
    assert.ok((receivedMessages[0]?.message?.publishTime?.seconds ?? 0n) > 1_600_000_000n);
  });

  test("a method that does not exist yet is UNIMPLEMENTED by name", async () => {
    await assert.rejects(bed.call(SchemaService.method.listSchemas, { parent: "projects/p" }), {
      code: status.UNIMPLEMENTED,
      details: "The method ListSchemas is not implemented by this server.",
    });
  });

  test("a topic that is deleted shows in its subscription, whose backlog stays", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("orphan");
    await bed.call(Publisher.method.publish, { topic, messages: datas("kept") });
    await bed.call(Publisher.method.deleteTopic, { topic });
    assert.equal((await bed.call(Subscriber.method.getSubscription, { subscription })).topic, "_deleted-topic_");
    await assert.rejects(bed.call(Publisher.method.publish, { topic, messages: datas("x") }), {
      code: status.NOT_FOUND,
    });
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.deepEqual(texts(receivedMessages), ["kept"]);
  });

  test("an update that is refused changes nothing, and one that is not is seen at once", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("updated");
    const method = Publisher.method.updateTopic;
    await assert.rejects(
      bed.call(method, { topic: { name: topic, labels: { a: "b" } }, updateMask: { paths: ["labels", "name"] } }),
      {
        code: status.INVALID_ARGUMENT,
        details:
          "Invalid update_mask provided in the UpdateTopicRequest: the 'name' field in the Topic is not mutable.",
      },
    );
    assert.deepEqual((await bed.call(Publisher.method.getTopic, { topic })).labels, {});
    const messageRetentionDuration = { seconds: 700n };
    await bed.call(method, {
      topic: { name: topic, messageRetentionDuration },
      updateMask: { paths: ["message_retention_duration"] },
    });
    const seen = await bed.call(Subscriber.method.getSubscription, { subscription });
    assert.equal(seen.topicMessageRetentionDuration?.seconds, 700n);
  });

  test("REST over HTTP/2 shares the port, and a caller that goes away while it waits leases nothing", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("over-h2");
    const session = connect(bed.url);
    const post = (path: string, body: string) => {
      const stream = session.request({ ":method": "POST", ":path": `/v1/${path}` });
      stream.end(body);
      return stream;
    };
    const published = post(`${topic}:publish`, '{"messages":[{"attributes":{"a":"b"}}]}');
    assert.match(await textOf(published), /^\{\n {2}"messageIds": \[\n {4}"\d{16}"\n {2}\]\n\}\n$/);
    const pulled = JSON.parse(await textOf(post(`${subscription}:pull`, '{"maxMessages":1}')));
    assert.deepEqual(pulled.receivedMessages[0].message.attributes, { a: "b" });
    const waiting = post(`${subscription}:pull`, '{"maxMessages":1}');
    // The pull of the first request on the same session was answered after its body had been read, so this one waits.
    await textOf(post(`${subscription}:acknowledge`, JSON.stringify({ ackIds: [pulled.receivedMessages[0].ackId] })));
    const closed = new Promise((resolve) => waiting.once("close", resolve));
    waiting.close(constants.NGHTTP2_CANCEL);
    await closed;
    await textOf(post(`${subscription}:acknowledge`, JSON.stringify({ ackIds: [pulled.receivedMessages[0].ackId] })));
    await bed.call(Publisher.method.publish, { topic, messages: datas("for the next") });
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.deepEqual(texts(receivedMessages), ["for the next"]);
    session.close();
  });

  test("a message whose answer never got through goes to the next caller at once", async () => {
    const { topic, subscription } = await bed.topicAndSubscription("cut-off");
    await bed.call(Publisher.method.publish, { topic, messages: [{ data: Buffer.alloc(9_000_000, "x") }] });
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${bed.url}/v1/${subscription}:pull`, { method: "POST" }, (response) => {
        // Far less than the answer: the rest is still on its way when the connection ends.
        response.once("data", () => request.destroy());
      });
      request.on("error", () => resolve());
      request.on("close", resolve);
      request.end('{"maxMessages":1}');
    });
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages: 1 });
    assert.equal(receivedMessages.length, 1);
  });
});

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
