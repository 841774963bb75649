// Publish: the request is scanned where it lies and its messages go on as slices of it. Reference 1.2, 3.1.
import { encodePublishResponse, LIMITS, type PublishScan, scanPublishRequest } from "@peal/wire/hot";
import type { ApiContext } from "../api-context.js";
import { tooLarge } from "../error-catalogue.js";
import { inProfileWords } from "../resource-errors.js";
import { codeOf } from "../to-status.js";
import { checkTopicName } from "../validation/names.js";
import { checkMessages } from "../validation/publish-rules.js";
import type { UnaryMethod } from "./unary-method.js";

/** Publishes what a serialized PublishRequest holds, all of it or nothing; answers with a PublishResponse. */
export function publishMethod(context: ApiContext): UnaryMethod {
  return {
    path: "/google.pubsub.v1.Publisher/Publish",
    maxRequestBytes: LIMITS.requestPayloadBytes,
    handle: (request) => publish(context, request),
  };
}

function publish({ engine, rules }: ApiContext, request: Uint8Array): Promise<Uint8Array> {
  const startedAtMs = performance.now();
  if (request.length > LIMITS.publishRequestBytes) {
    throw tooLarge("request_size", request.length, LIMITS.publishRequestBytes);
  }
  const scan: PublishScan = scanPublishRequest(request);
  const name = checkTopicName(rules, scan.topic);
  const usage = engine.topicUsage(name);
  try {
    checkMessages(rules, scan);
  } catch (error) {
    usage?.refused(codeOf(error));
    throw error;
  }
  return engine.publish(name, scan).then(
    (firstMessageId) => {
      usage?.stored(scan.lengths, scan.count, performance.now() - startedAtMs);
      return encodePublishResponse(firstMessageId, scan.count);
    },
    (error: unknown) => {
      usage?.refused(codeOf(error));
      throw inProfileWords(rules, { missing: { kind: "topic", name } }, error);
    },
  );
}
