import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import { type ClientDuplexStream, credentials, makeClientConstructor } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { GrpcClient } from "./client/grpc-client.js";
import { describeHealth, Health } from "./health.js";
import { reflectionServices } from "./reflection.js";
import { GrpcServer } from "./server/grpc-server.js";
import { GrpcError, Status } from "./status.js";

const LOADED = { keepCase: true, oneofs: true, enums: String } as const;

/** A client with a function for each method of its service. */
type ServiceClient = InstanceType<ReturnType<typeof makeClientConstructor>>;

/** One answer, as a client made from the served descriptors sees it. */
interface Answer {
  readonly valid_host: string;
  readonly original_request: Record<string, unknown>;
  readonly message_response: string;
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
}

async function start(context: TestContext): Promise<string> {
  const services = [new Health().service];
  const files = [await describeHealth(), file_google_protobuf_descriptor];
  const all = [...services, ...reflectionServices(services, async () => files)];
  const server = new GrpcServer(all, (_request, response) => response.end());
  context.after(() => server.close());
  return `127.0.0.1:${await server.listen(["127.0.0.1"], 0)}`;
}

/** The one answer to one request, both as bytes. */
async function askRaw(target: string, packageName: string, request: Uint8Array): Promise<Uint8Array> {
  const client = new GrpcClient(target);
  const answers: Uint8Array[] = [];
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    const stream = client.bidi(`/${packageName}.ServerReflection/ServerReflectionInfo`, {
      onMessage: (message) => {
        answers.push(message);
        stream.halfClose();
      },
      onEnd: resolve,
    });
    stream.send(request);
  });
  await client.close();
  if (error !== undefined) throw error;
  assert.equal(answers.length, 1);
  return answers[0]!;
}

/** The payload of a field: a FileDescriptorResponse has the wire form of a FileDescriptorSet. */
function payloadOf(answer: Uint8Array, wanted: number): Buffer {
  const reader = new BinaryReader(answer);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === wanted && wireType === WireType.LengthDelimited) return Buffer.from(reader.bytes());
    reader.skip(wireType, number);
  }
  return assert.fail(`the answer has no field ${wanted}`);
}

/** A client for a service, made, as tools do, from nothing but what reflection says of it. */
async function makeClient(
  context: TestContext,
  target: string,
  packageName: string,
  service: string,
): Promise<ServiceClient> {
  const symbol = Buffer.from(service);
  const request = Buffer.concat([Buffer.from([0x22, symbol.length]), symbol]);
  const set = payloadOf(await askRaw(target, packageName, request), 4);
  const definition = loadFileDescriptorSetFromBuffer(set, LOADED)[service];
  assert.ok(definition !== undefined && !("format" in definition), `${service} is described`);
  const client = new (makeClientConstructor(definition, service))(target, credentials.createInsecure());
  context.after(() => client.close());
  return client;
}

for (const packageName of ["grpc.reflection.v1", "grpc.reflection.v1alpha"]) {
  test(`${packageName}: services are listed, and a call can be made from their descriptors alone`, async (context) => {
    const target = await start(context);
    const reflection = await makeClient(context, target, packageName, `${packageName}.ServerReflection`);
    const [listed] = await converse(reflection, [{ host: "h", list_services: "" }]);
    assert.equal(listed?.valid_host, "h");
    assert.equal(listed?.original_request["host"], "h");
    assert.deepEqual(
      listed?.list_services_response?.service.map(({ name }) => name),
      ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"],
    );
    const health = await makeClient(context, target, packageName, "grpc.health.v1.Health");
    assert.deepEqual(await check(health, { service: "" }), { status: "SERVING" });
  });
}

test("files are found by name and by every kind of symbol, and come with their imports", async (context) => {
  const target = await start(context);
  const reflection = await makeClient(context, target, "grpc.reflection.v1", "grpc.reflection.v1.ServerReflection");
  const symbols = [
    "grpc.health.v1.Health",
    "grpc.health.v1.Health.Check",
    "grpc.health.v1.HealthCheckRequest",
    "grpc.health.v1.HealthCheckRequest.service",
    "grpc.health.v1.HealthCheckResponse.ServingStatus",
    "grpc.health.v1.HealthCheckResponse.NOT_SERVING",
  ];
  const requests = [
    { file_by_filename: "grpc/health/v1/health.proto" },
    ...symbols.map((file_containing_symbol) => ({ file_containing_symbol })),
  ];
  const answers = await converse(reflection, requests);
  assert.equal(answers.length, 7);
  for (const answer of answers) {
    const files = answer.file_descriptor_response?.file_descriptor_proto ?? [];
    assert.equal(files.length, 1);
    assert.ok(files[0]!.includes("grpc/health/v1/health.proto"));
  }
});

test("what is not known is an error within the answer, and the stream goes on", async (context) => {
  const target = await start(context);
  const reflection = await makeClient(context, target, "grpc.reflection.v1", "grpc.reflection.v1.ServerReflection");
  const requests = [
    { file_by_filename: "no.proto" },
    { file_containing_symbol: "no.Symbol" },
    { file_containing_extension: { containing_type: "google.protobuf.MethodOptions", extension_number: 72295728 } },
    { all_extension_numbers_of_type: "no.Message" },
  ];
  const answers = await converse(reflection, [
    ...requests,
    { all_extension_numbers_of_type: "google.protobuf.MethodOptions" },
  ]);
  for (const answer of answers.slice(0, 4)) assert.equal(answer.error_response?.error_code, Status.NOT_FOUND);
  assert.equal(answers[4]?.message_response, "all_extension_numbers_response");
});

test("a request that asks nothing, or is none, ends the stream INVALID_ARGUMENT", async (context) => {
  const target = await start(context);
  for (const request of [Buffer.alloc(0), Buffer.from([0x22, 0x7f, 0x00])]) {
    const asked = askRaw(target, "grpc.reflection.v1", request);
    await assert.rejects(asked, (error) => error instanceof GrpcError && error.code === Status.INVALID_ARGUMENT);
  }
});

function converse(client: ServiceClient, requests: readonly object[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = [];
    const stream: ClientDuplexStream<object, Answer> = client["ServerReflectionInfo"]!();
    stream.on("data", (answer: Answer) => answers.push(answer));
    stream.on("end", () => resolve(answers));
    stream.on("error", reject);
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

function check(client: ServiceClient, request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client["Check"]!(request, (error: Error | null, answer: unknown) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}
