import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { MethodDefinition, ServiceDefinition } from "@peal/grpc";
import type { Profile } from "@peal/wire/hot";
import type { Clock } from "../engine/clock.js";
import type { PubSubEngine } from "../engine/engine-contract.js";
import type { ApiContext } from "./api-context.js";
import { type CallObserver, SILENT_OBSERVER } from "./call-observer.js";
import { acknowledgeMethod, modifyAckDeadlineMethod } from "./grpc/acknowledge.js";
import { adminMethods } from "./grpc/admin-methods.js";
import { publishMethod } from "./grpc/publish.js";
import { pullMethod } from "./grpc/pull.js";
import { streamingPullMethod } from "./grpc/streaming-pull.js";
import { grpcMethod, type UnaryMethod } from "./grpc/unary-method.js";
import { rulesOf } from "./profile.js";
import { createRestHandler } from "./rest/rest-handler.js";

export interface ServicesOptions {
  readonly engine: PubSubEngine;
  readonly profile: Profile;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly observer?: CallObserver;
  /** How long a streaming pull may live; for ever where left out. */
  readonly streamMaxAgeMs?: number;
  /** Most bytes of HTTP bodies that are held at a time; more are answered RESOURCE_EXHAUSTED. 128 MiB where left out. */
  readonly bodyBudgetBytes?: number;
}

/** Answers one HTTP request: REST, and `GET /`. */
export type HttpRequestHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

export interface Services {
  /** What the gRPC server serves. */
  readonly services: readonly ServiceDefinition[];
  /** What the HTTP server calls for everything that is not gRPC. */
  readonly onHttpRequest: HttpRequestHandler;
}

const DEFAULT_BODY_BUDGET_BYTES = 128 * 1024 * 1024;

/** Makes the API of an engine: gRPC and REST over the same methods. */
export function createServices(options: ServicesOptions): Services {
  const context: ApiContext = {
    engine: options.engine,
    rules: rulesOf(options.profile),
    clock: options.clock,
    random: options.random ?? Math.random,
    observer: options.observer ?? SILENT_OBSERVER,
    streamMaxAgeMs: options.streamMaxAgeMs ?? Number.POSITIVE_INFINITY,
  };
  const unary = [
    publishMethod(context),
    pullMethod(context),
    acknowledgeMethod(context),
    modifyAckDeadlineMethod(context),
    ...adminMethods(context),
  ];
  return {
    services: serviceDefinitions(context, unary),
    onHttpRequest: createRestHandler(context, unary, options.bodyBudgetBytes ?? DEFAULT_BODY_BUDGET_BYTES),
  };
}

function serviceDefinitions(context: ApiContext, unary: readonly UnaryMethod[]): ServiceDefinition[] {
  const services = new Map<string, MethodDefinition[]>();
  for (const method of unary) {
    const service = method.path.slice(1, method.path.lastIndexOf("/"));
    services.set(service, [...(services.get(service) ?? []), grpcMethod(context, method)]);
  }
  services.get("google.pubsub.v1.Subscriber")?.push(streamingPullMethod(context));
  return [...services].map(([name, methods]) => ({ name, methods }));
}
