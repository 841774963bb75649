import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { frameMessage } from "../message-frame.js";
import type { GrpcClientOptions } from "./client-options.js";
import { GrpcClient } from "./grpc-client.js";

export interface FaultyBed {
  readonly client: GrpcClient;
  readonly target: string;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections that there ever were. */
  readonly connectionCount: () => number;
}

export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A server that does with each stream what the test says, right or wrong, and our client to speak to it. */
export function startFaulty(
  context: TestContext,
  onStream: StreamHandler,
  options: GrpcClientOptions = {},
): Promise<FaultyBed> {
  const server = createHttp2Server();
  server.on("session", (session) => session.on("error", () => undefined));
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    stream.resume();
    onStream(stream, headers);
  });
  return start(context, server, options);
}

/** A server that does with each connection what the test says. */
export function startRaw(
  context: TestContext,
  onConnection: (socket: Socket) => void,
  options: GrpcClientOptions = {},
): Promise<FaultyBed> {
  return start(context, createServer(onConnection), options);
}

async function start(context: TestContext, server: Server, options: GrpcClientOptions): Promise<FaultyBed> {
  const sockets = new Set<Socket>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new GrpcClient(target, options);
  context.after(async () => {
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { client, target, sockets, connectionCount: () => count };
}

/** Answers with these messages, already framed, and the trailers. */
export function answer(
  stream: ServerHttp2Stream,
  frames: readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
  trailers: Readonly<Record<string, string>> | "none" = { "grpc-status": "0" },
): void {
  const all = { ":status": 200, "content-type": "application/grpc+proto", ...headers };
  stream.respond(all, { waitForTrailers: trailers !== "none" });
  if (trailers !== "none") stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  for (const frame of frames) stream.write(frame);
  stream.end();
}

/** One message, framed. */
export function frame(text: string | Uint8Array, isCompressed = false): Buffer {
  return Buffer.concat(frameMessage(typeof text === "string" ? Buffer.from(text) : text, isCompressed));
}
