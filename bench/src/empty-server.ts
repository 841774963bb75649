/**
 * The yardstick: our gRPC layer reads the same requests and answers the same sizes, and does nothing else.
 *
 * Publish is answered with as many 16-digit ids as the request has messages; StreamingPull pushes one prepared response
 * as fast as the peer takes it, and reads and drops the acks.
 */
import { type BidiCall, GrpcServer, type ServiceDefinition } from "@peal/grpc";
import { encodePublishResponse, encodeStreamingPullResponse, LIMITS, scanPublishRequest } from "@peal/wire/hot";

const ACK_ID_LENGTH = 40;
const RESPONSE_BYTES_MAX = 2 ** 20;
const FIRST_MESSAGE_ID = 1_800_000_000_000_000;
const messageBytes = Number(process.env["BENCH_MESSAGE_BYTES"] ?? 1024);

/** One answer per message count; made once. */
const answers = new Map<number, Uint8Array>();

function answerPublish(request: Uint8Array): Uint8Array {
  // The count follows from the size: every request of one run is alike, so it is scanned once per size.
  const known = answers.get(request.byteLength);
  if (known !== undefined) return known;
  const answer = encodePublishResponse(FIRST_MESSAGE_ID, scanPublishRequest(request).count);
  answers.set(request.byteLength, answer);
  return answer;
}

function prepareResponse(): Uint8Array {
  const count = Math.min(1_000, Math.floor(RESPONSE_BYTES_MAX / (messageBytes + ACK_ID_LENGTH + 48)));
  // A PubsubMessage whose only field is its data.
  const data = new Uint8Array(messageBytes).fill(7);
  const header = [0x0a, ...varint(messageBytes)];
  const message = new Uint8Array([...header, ...data]);
  return encodeStreamingPullResponse({
    received: {
      messageCount: count,
      ackIdLength: ACK_ID_LENGTH,
      writeAckId: (_sequence, target, at) => target.fill(0x41, at, at + ACK_ID_LENGTH),
      runs: Array.from({ length: count }, (_, index) => ({
        bytes: message,
        firstSequence: index + 1,
        firstMessageId: FIRST_MESSAGE_ID + index,
        publishTimeMs: 1_800_000_000_000,
        count: 1,
        offset: () => 0,
        length: () => message.byteLength,
      })),
    },
    subscriptionProperties: { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: false },
  });
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

const response = prepareResponse();

function push(call: BidiCall): void {
  let isOpen = true;
  const pushOn = (): void => {
    while (isOpen && call.send(response));
  };
  call.onMessage(() => undefined);
  call.onHalfClose(() => call.end());
  call.onCancel(() => {
    isOpen = false;
  });
  call.onDrain(pushOn);
  pushOn();
}

const services: readonly ServiceDefinition[] = [
  {
    name: "google.pubsub.v1.Publisher",
    methods: [{ name: "Publish", kind: "unary", maxRequestBytes: LIMITS.requestPayloadBytes, handler: answerPublish }],
  },
  {
    name: "google.pubsub.v1.Subscriber",
    methods: [
      { name: "StreamingPull", kind: "bidi", maxRequestBytes: LIMITS.ackRequestPayloadBytes, handler: push },
      {
        name: "Acknowledge",
        kind: "unary",
        maxRequestBytes: LIMITS.ackRequestPayloadBytes,
        handler: () => new Uint8Array(0),
      },
    ],
  },
];

const server = new GrpcServer(services, (_request, answer) => answer.end("empty\n"));
process.stdout.write(`Server started, listening on ${await server.listen(["127.0.0.1"], 0)}\n`);
process.on("SIGTERM", () => {
  server.close();
  process.exit(0);
});
