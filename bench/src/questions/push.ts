/** What does a pushed message cost? */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BenchContext, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { measureWindow } from "../load/window.js";
import { compact } from "../report.js";
import { Subject } from "../subject.js";

const TOPIC = "push";
const MESSAGES = 200_000;
const QUICK_MESSAGES = 2_000;

/** Answers 204 to everything, and counts. */
async function startReceiver(onRequest: () => void): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      onRequest();
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

export async function benchPush(context: BenchContext): Promise<void> {
  const messages = context.isQuick ? QUICK_MESSAGES : MESSAGES;
  let received = 0;
  const receiver = await startReceiver(() => {
    received += 1;
  });
  const { port } = receiver.address() as AddressInfo;
  try {
    await withFolder(async (folder) => {
      // Plain http endpoints are the emulator's.
      const subject = await Subject.startPeal(folder, { flags: ["--profile", "emulator"] });
      const endpoint = new Endpoint(subject.port);
      try {
        await endpoint.createTopic(TOPIC);
        await endpoint.createSubscription(TOPIC, TOPIC);
        const load = new PublishLoad(endpoint, { requests: [publishRequest(TOPIC, 100, 1024)], inFlight: 4 });
        load.start(messages / 100);
        await load.finished();
        await endpoint.pushTo(TOPIC, `http://127.0.0.1:${port}/push`);
        const result = await measureWindow(subject, context, () => received, messages);
        context.report({
          question: "push, 1 KiB, wrapped, plain http",
          figure: "CPU per message, µs",
          value: result.cpuMicrosEach,
          text: `${result.cpuMicrosEach.toFixed(0)} µs`,
          note: `${compact(result.perSecond)}/s; receiver ${(result.generatorBusy * 100).toFixed(0)} % of its core`,
        });
      } finally {
        await endpoint.close();
        await subject.stop("SIGKILL");
      }
    });
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
}
