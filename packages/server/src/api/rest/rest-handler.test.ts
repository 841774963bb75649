import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { batchOf } from "../delivered-batch.test.support.js";
import { type Answer, RestBed } from "./rest-bed.test.support.js";

function errorOf(answer: Answer): { code: number; message: string; status: string; details?: unknown } {
  return JSON.parse(answer.text).error;
}

const TOPIC = "/v1/projects/p/topics/orders";
const SUBSCRIPTION = "/v1/projects/p/subscriptions/billing";

describe("REST in the service profile", () => {
  const bed = new RestBed();

  before(async () => {
    await bed.listen();
    await bed.send("PUT", TOPIC, {});
    await bed.send("PUT", SUBSCRIPTION, { topic: "projects/p/topics/orders" });
  });

  after(() => bed.close());

  test("GET / answers 200", async () => {
    assert.equal((await bed.send("GET", "/")).status, 200);
    assert.equal((await bed.send("HEAD", "/")).status, 200);
  });

  test("a new topic prints just its name, with two spaces and one newline", async () => {
    const answer = await bed.send("PUT", "/v1/projects/p/topics/plain", {});
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "application/json; charset=UTF-8");
    assert.equal(answer.text, '{\n  "name": "projects/p/topics/plain"\n}\n');
  });

  test("a pull subscription prints the measured shape", async () => {
    assert.equal(
      (await bed.send("GET", `${SUBSCRIPTION}?prettyPrint=false`)).text,
      '{"name":"projects/p/subscriptions/billing","topic":"projects/p/topics/orders","pushConfig":{},"ackDeadlineSeconds":10,"messageRetentionDuration":"604800s","expirationPolicy":{"ttl":"2678400s"},"state":"ACTIVE"}\n',
    );
  });

  test("system parameters are taken with and without a dollar sign", async () => {
    const query =
      "$alt=json&$prettyPrint=false&key=k&$.xgafv=1&access_token=t&quotaUser=q&callback=c&uploadType=u&fields=name";
    assert.equal((await bed.send("GET", `${TOPIC}?${query}`)).text, '{"name":"projects/p/topics/orders"}\n');
  });

  test("an empty response is an empty object", async () => {
    await bed.send("PUT", "/v1/projects/p/topics/gone", {});
    assert.equal((await bed.send("DELETE", "/v1/projects/p/topics/gone")).text, "{}\n");
    assert.equal((await bed.send("GET", "/v1/projects/empty/topics")).text, "{}\n");
  });

  test("an error has code, message and status", async () => {
    const answer = await bed.send("GET", "/v1/projects/p/topics/missing");
    assert.equal(answer.status, 404);
    assert.equal(
      answer.text,
      '{\n  "error": {\n    "code": 404,\n    "message": "Resource not found (resource=missing).",\n    "status": "NOT_FOUND"\n  }\n}\n',
    );
  });

  test("an unknown field is named in the text and in the details", async () => {
    const answer = await bed.send("PUT", "/v1/projects/p/topics/other", { colour: 1, messageStoragePolicy: { x: 1 } });
    assert.equal(answer.status, 400);
    const { message, details } = errorOf(answer);
    const first = 'Invalid JSON payload received. Unknown name "colour": Cannot find field.';
    const second = "Invalid JSON payload received. Unknown name \"x\" at 'message_storage_policy': Cannot find field.";
    assert.equal(message, `${first}\n${second}`);
    assert.deepEqual(details, [
      {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        fieldViolations: [{ description: first }, { field: "message_storage_policy", description: second }],
      },
    ]);
  });

  test("both spellings of a field are taken, but not together, and no name twice", async () => {
    const update = (body: string) => bed.send("PATCH", SUBSCRIPTION, body);
    for (const body of [
      '{"subscription":{"ackDeadlineSeconds":20},"updateMask":"ackDeadlineSeconds"}',
      '{"subscription":{"ack_deadline_seconds":"30"},"update_mask":"ack_deadline_seconds"}',
    ]) {
      assert.equal((await update(body)).status, 200);
    }
    assert.equal(bed.engine.getSubscription("projects/p/subscriptions/billing").ackDeadlineSeconds, 30);
    for (const body of [
      '{"subscription":{"ackDeadlineSeconds":20,"ack_deadline_seconds":20},"updateMask":"ackDeadlineSeconds"}',
      '{"subscription":{"ackDeadlineSeconds":20,"ackDeadlineSeconds":20},"updateMask":"ackDeadlineSeconds"}',
    ]) {
      assert.equal((await update(body)).status, 400);
    }
    await update('{"subscription":{},"updateMask":"ackDeadlineSeconds"}');
  });

  const WRONG: readonly (readonly [method: string, path: string, body: unknown, message: string | RegExp])[] = [
    ["PUT", TOPIC, { labels: [] }, "Invalid value at 'labels' (map), a list"],
    ["PUT", SUBSCRIPTION, { ackDeadlineSeconds: "x" }, "Invalid value at 'ack_deadline_seconds' (TYPE_INT32), \"x\""],
    ["PUT", SUBSCRIPTION, { ackDeadlineSeconds: 1.5 }, "Invalid value at 'ack_deadline_seconds' (TYPE_INT32), 1.5"],
    ["PUT", SUBSCRIPTION, { retainAckedMessages: 1 }, "Invalid value at 'retain_acked_messages' (TYPE_BOOL), 1"],
    ["PUT", SUBSCRIPTION, { topic: 5 }, "Invalid value at 'topic' (TYPE_STRING), 5"],
    [
      "PUT",
      SUBSCRIPTION,
      { messageRetentionDuration: 600 },
      "Invalid value at 'message_retention_duration' (type.googleapis.com/google.protobuf.Duration), 600",
    ],
    [
      "PUT",
      SUBSCRIPTION,
      { expirationPolicy: "never" },
      "Invalid value at 'expiration_policy' (type.googleapis.com/google.pubsub.v1.ExpirationPolicy), \"never\"",
    ],
    ["PUT", TOPIC, { name: "projects/p/topics/another" }, /the body has "projects\/p\/topics\/another"/],
    ["POST", `${TOPIC}:publish`, { messages: {} }, /^Invalid value at 'messages' \(repeated /],
    [
      "POST",
      `${TOPIC}:publish`,
      { messages: [{ data: "@@" }] },
      /^Invalid value at 'messages\[0\]\.data' \(TYPE_BYTES\)/,
    ],
    ["POST", `${TOPIC}:publish`, { messages: [{ data: "a" }] }, /TYPE_BYTES/],
    [
      "POST",
      `${TOPIC}:publish`,
      '{"messages":[',
      "Invalid JSON payload received. The text is not JSON: it ends in the middle.",
    ],
    ["POST", `${TOPIC}:publish`, "messages=1", "Invalid JSON payload received. The text is not JSON."],
    ["POST", `${TOPIC}:publish`, "[".repeat(100_000), /^Invalid JSON payload received\. It nests deeper/],
    [
      "POST",
      `${TOPIC}:publish`,
      `{"messages":[${"{},".repeat(500_000)}{}]}`,
      /^Invalid JSON payload received\. It holds more/,
    ],
    [
      "POST",
      `${SUBSCRIPTION}:seek`,
      { time: "2026-01-01T00:00:00Z", snapshot: "s" },
      /oneof field 'target' is already set\. Cannot set 'snapshot'/,
    ],
    ["GET", "/v1/projects/p/topics?pageSize=x", undefined, "Invalid value at 'page_size' (TYPE_INT32), \"x\""],
    [
      "GET",
      "/v1/projects/p/topics?colour=red",
      undefined,
      "Invalid JSON payload received. Unknown name \"colour\": Cannot bind query parameter. Field 'colour' could not be found in request message.",
    ],
    [
      "GET",
      "/v1/projects/p/topics?pageSize=1001",
      undefined,
      "The value for page_size is out of bounds. You passed 1001 in the request, but the value must be between 0 and 1000.",
    ],
    ["GET", "/v1/projects/p/topics?pageToken=garbage", undefined, "Invalid page token given (token=garbage)."],
  ];

  for (const [method, path, body, message] of WRONG) {
    test(`${method} ${path} with ${JSON.stringify(body)?.slice(0, 60)} is refused`, async () => {
      const answer = await bed.send(method, path, body);
      assert.equal(answer.status, 400, answer.text);
      const error = errorOf(answer);
      assert.equal(error.status, "INVALID_ARGUMENT");
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }

  test("data is read as standard and URL-safe base64, padded or not", async () => {
    const messages = ["-_-_", "+/+/", "aGk=", "aGk", "YQ=="].map((data) => ({ data }));
    const answer = await bed.json("POST", `${TOPIC}:publish`, { messages });
    assert.deepEqual(answer, { messageIds: ["1000", "1001", "1002", "1003", "1004"] });
    const { batch } = bed.engine.published.at(-1)!;
    const datas = Array.from(batch.offsets, (offset, index) =>
      Buffer.from(batch.bytes.subarray(offset + 2, offset + batch.lengths[index]!)).toString("hex"),
    );
    assert.deepEqual(datas, ["fbffbf", "fbffbf", "6869", "6869", "61"]);
  });

  test("a duration keeps its fraction", async () => {
    await bed.send("PUT", "/v1/projects/p/topics/fraction", { messageRetentionDuration: "600.500s" });
    assert.deepEqual(await bed.json("GET", "/v1/projects/p/topics/fraction"), {
      name: "projects/p/topics/fraction",
      messageRetentionDuration: "600.500s",
    });
  });

  test("a pull over REST shows its messages", async () => {
    const answer = bed.json("POST", `${SUBSCRIPTION}:pull`, { maxMessages: 10 });
    while (bed.engine.pullers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    bed.engine.pullers[0]!.sink.deliver(batchOf("hi"));
    assert.deepEqual(await answer, {
      receivedMessages: [
        { ackId: "ok01", message: { data: "aGk=", messageId: "1000", publishTime: "2023-11-14T22:13:20.123Z" } },
      ],
    });
  });

  test("an id with every legal sign goes through a path that is decoded once", async () => {
    const id = "a-_.~+%25Z";
    const path = `/v1/projects/p/topics/${encodeURIComponent(id)}`;
    assert.deepEqual(await bed.json("PUT", path, {}), { name: `projects/p/topics/${id}` });
    assert.deepEqual(await bed.json("GET", path), { name: `projects/p/topics/${id}` });
  });

  test("a method that does not exist yet answers 501 and says its name", async () => {
    const calls: readonly (readonly [string, string, unknown?])[] = [
      ["POST", "/v1/projects/p/schemas:validate", { schema: {} }],
      ["POST", "/v1/projects/p/schemas?schemaId=x", { definition: "" }],
      ["GET", `${TOPIC}:getIamPolicy?options.requestedPolicyVersion=3`],
      ["POST", `${TOPIC}:getIamPolicy`, {}],
      ["POST", `${TOPIC}:testIamPermissions`, { permissions: ["a"] }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await bed.send(method, path, body);
      assert.equal(answer.status, 501, `${method} ${path}: ${answer.text}`);
      assert.match(errorOf(answer).message, /^The method \w+ is not implemented by this server\.$/);
    }
  });

  test("a path or verb without a route is a 404 page", async () => {
    for (const [method, path] of [
      ["GET", "/v2/projects/p/topics"],
      ["POST", TOPIC],
      ["OPTIONS", "/nowhere"],
    ] as const) {
      const answer = await bed.send(method, path);
      assert.equal(answer.status, 404);
      assert.equal(answer.headers["content-type"], "text/html; charset=UTF-8");
    }
    assert.ok(!(await bed.send("GET", "/v1/'\"&x")).text.includes("'\"&x"));
  });

  test("OPTIONS names the verbs of a path, and HEAD answers like GET without a body", async () => {
    const options = await bed.send("OPTIONS", TOPIC);
    assert.equal(options.status, 204);
    assert.equal(options.headers.allow, "GET, PUT, PATCH, DELETE");
    const head = await bed.send("HEAD", TOPIC);
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
  });

  test("a body of 10,485,760 bytes is read and one byte more refused", async () => {
    const frame = '{"messages":[{"data":""}]}';
    const body = (length: number) => `{"messages":[{"data":"${"A".repeat(length - frame.length)}"}]}`;
    const taken = await bed.send("POST", `${TOPIC}:publish`, body(10_485_760));
    assert.equal(taken.status, 200, taken.text.slice(0, 200));
    const refused = await bed.send("POST", `${TOPIC}:publish`, body(10_485_761));
    assert.equal(refused.status, 400);
    assert.equal(errorOf(refused).message, "Request payload size exceeds the limit: 10485760 bytes.");
    const acks = await bed.send("POST", `${SUBSCRIPTION}:acknowledge`, " ".repeat(524_289));
    assert.equal(errorOf(acks).message, "Request payload size exceeds the limit: 524288 bytes.");
  });

  test("a body that comes in tiny pieces is read whole", async () => {
    const text = JSON.stringify({ messages: [{ data: Buffer.alloc(5_000, "x").toString("base64") }] });
    const answer = await bed.sendInPieces("POST", `${TOPIC}:publish`, text, 7);
    assert.equal(answer.status, 200);
    const { batch } = bed.engine.published.at(-1)!;
    assert.equal(batch.lengths[0], 5_003);
  });

  test("a gzipped body is read, and one that unpacks without end refused", async () => {
    const gzip = { "content-encoding": "gzip" };
    const body = gzipSync(JSON.stringify({ messages: [{ data: "aGk=" }] }));
    assert.equal((await bed.send("POST", `${TOPIC}:publish`, body, gzip)).status, 200);
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const refused = await bed.send("POST", `${TOPIC}:publish`, bomb, gzip);
    assert.equal(errorOf(refused).message, "Request payload size exceeds the limit: 10485760 bytes.");
    assert.equal((await bed.send("POST", `${TOPIC}:publish`, "x", gzip)).status, 400);
    assert.equal((await bed.send("POST", `${TOPIC}:publish`, "x", { "content-encoding": "br" })).status, 400);
  });

  test("what is thrown unexpectedly is told to the observer and to nobody else", async () => {
    bed.engine.failure = new Error("secret");
    const answer = await bed.send("GET", TOPIC);
    bed.engine.failure = undefined;
    assert.equal(answer.status, 500);
    assert.equal(
      errorOf(answer).message,
      "A service error has occurred. Please retry your request. If the error persists, please report it.",
    );
    assert.equal(bed.internalErrors.length, 1);
  });
});

test("in the emulator profile an unknown path answers JSON, and foreign page tokens are names to begin with", async () => {
  const bed = new RestBed("emulator");
  await bed.listen();
  try {
    const answer = await bed.send("GET", "/nowhere");
    assert.equal(answer.status, 404);
    assert.equal(errorOf(answer).code, 404);
    for (const id of ["aaa", "bbb", "ccc"]) await bed.send("PUT", `/v1/projects/p/topics/${id}`, {});
    const page = await bed.json("GET", "/v1/projects/p/topics?pageSize=-5&pageToken=projects/p/topics/bbb");
    assert.deepEqual(page, { topics: [{ name: "projects/p/topics/bbb" }, { name: "projects/p/topics/ccc" }] });
  } finally {
    bed.close();
  }
});

test("bodies beyond the budget are answered RESOURCE_EXHAUSTED, and the budget comes back", async () => {
  const bed = new RestBed("service", 1_000);
  await bed.listen();
  try {
    const big = await bed.send("PUT", TOPIC, { labels: { a: "x".repeat(2_000) } });
    assert.equal(big.status, 429);
    for (let round = 0; round < 20; round += 1) {
      assert.notEqual((await bed.send("PUT", TOPIC, { labels: { a: "x".repeat(60) } })).status, 429);
    }
  } finally {
    bed.close();
  }
});
