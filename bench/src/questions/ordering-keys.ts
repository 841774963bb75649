/** What do very many ordering keys cost in memory and speed? */
import { type BenchContext, withFolder } from "../bench-context.js";
import { Endpoint, publishRequest } from "../load/endpoint.js";
import { PublishLoad } from "../load/publish-load.js";
import { PullLoad } from "../load/pull-load.js";
import { measureWindow } from "../load/window.js";
import { compact } from "../report.js";
import { Subject } from "../subject.js";

const TOPIC = "keys";
const MESSAGE_BYTES = 100;
const PER_CALL = 1_000;
const OUTSTANDING_MAX = 1_000;
const MIB = 2 ** 20;
/** Only the emulator's rules let the keys of a request differ; the service's would need a call for each key. */
const FLAGS = ["--profile", "emulator"];

/** `perKey` messages of each of `keys` keys, the keys in turn. */
async function fill(endpoint: Endpoint, keys: number, perKey: number): Promise<void> {
  const requests = Array.from({ length: keys / PER_CALL }, (_, call) =>
    publishRequest(TOPIC, PER_CALL, MESSAGE_BYTES, (index) => ({ orderingKey: `key-${call * PER_CALL + index}` })),
  );
  const load = new PublishLoad(endpoint, { requests, inFlight: 8 });
  load.start(requests.length * perKey);
  await load.finished();
}

/** Delivers a million keys once to see what is left of them, then a backlog of many keys, ten messages each. */
export async function benchOrderingKeys(context: BenchContext): Promise<void> {
  const seen = context.isQuick ? 10_000 : 1_000_000;
  const waiting = context.isQuick ? 2_000 : 100_000;
  const perKey = 10;
  await withFolder(async (folder) => {
    const subject = await Subject.startPeal(folder, { flags: FLAGS });
    const endpoint = new Endpoint(subject.port);
    try {
      await endpoint.createTopic(TOPIC);
      await endpoint.createSubscription(TOPIC, TOPIC, { enableMessageOrdering: true });
      const before = subject.memory().anonymousBytes;
      await fill(endpoint, seen, 1);
      const plan = { subscriptionId: TOPIC, outstandingMax: OUTSTANDING_MAX, idsPerAck: 500 };
      const once = new PullLoad(endpoint, plan);
      await measureWindow(subject, { warmUpMs: 0, windowMs: 60_000 }, () => once.acked, seen - OUTSTANDING_MAX);
      once.check();
      await once.stop();
      const after = subject.memory().anonymousBytes;
      await fill(endpoint, waiting, perKey);
      // Two streams: a key is bound to one of them, so what belongs to the other has to be set aside.
      const pulls = [new PullLoad(endpoint, plan), new PullLoad(endpoint, plan)];
      const acked = (): number => pulls.reduce((sum, pull) => sum + pull.acked, 0);
      const end = waiting * perKey - 2 * OUTSTANDING_MAX;
      const result = await measureWindow(subject, { warmUpMs: 0, windowMs: 60_000 }, acked, end);
      for (const pull of pulls) pull.check();
      const during = subject.memory().anonymousBytes;
      for (const pull of pulls) await pull.stop();
      context.report({
        question: `ordering, ${compact(seen)} keys seen`,
        figure: "RssAnon before and after all are acked, MB",
        value: (after - before) / MIB,
        text: `${(before / MIB).toFixed(0)} MB, then ${(after / MIB).toFixed(0)} MB`,
      });
      context.report({
        question: `ordering, ${compact(waiting)} keys × ${perKey} messages waiting, two streams`,
        figure: "messages/s",
        value: result.perSecond,
        text: `${compact(result.perSecond)}/s at ${result.cpuMicrosEach.toFixed(2)} µs`,
        note: `RssAnon ${(during / MIB).toFixed(0)} MB`,
      });
    } finally {
      await endpoint.close();
      await subject.stop("SIGKILL");
    }
  });
}
