// The HTTP routes of the REST API, read from the protos' google.api.http options when first asked for.
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { http } from "./gen/google/api/annotations_pb.js";
import type { HttpRule } from "./gen/google/api/http_pb.js";
import { IAMPolicy } from "./gen/google/iam/v1/iam_policy_pb.js";
import { Publisher, Subscriber } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { SchemaService } from "./gen/google/pubsub/v1/schema_pb.js";

const SERVICES = [Publisher, Subscriber, SchemaService, IAMPolicy];

/** What the service's own configuration puts for the `**` that the generic IAM protos bind. */
const IAM_RESOURCES = ["topics", "subscriptions", "snapshots", "schemas"].map(
  (collection) => `projects/*/${collection}/*`,
);

/** The service's own configuration maps this to GET; the POST of the proto is served, too. */
const READ_POLICY_METHOD = "GetIamPolicy";

/** One way to reach a method over HTTP. */
export interface HttpRoute {
  /** The method's descriptor: with its `input` and `output` messages, and its service as `parent`. */
  readonly method: DescMethod;
  readonly verb: string;
  /** As in the protos: `/v1/{project=projects/*}/topics`. */
  readonly template: string;
  /** What the HTTP body holds: `*` all fields that the path does not bind, a field's name that field, "" nothing. */
  readonly body: string;
}

export interface RouteMatch {
  readonly route: HttpRoute;
  /** Values from the path, percent-decoded, by field path (`topic.name`) in proto names. */
  readonly bindings: ReadonlyMap<string, string>;
}

interface CompiledRoute {
  readonly route: HttpRoute;
  /** `*` takes any one segment. */
  readonly segments: readonly string[];
  readonly customVerb: string;
  /** Each field takes the segments from `from` up to, not including, `to`. */
  readonly variables: readonly { readonly field: string; readonly from: number; readonly to: number }[];
}

/**
 * Finds the method that an HTTP request calls; undefined where no route matches, be it for the path or the verb.
 *
 * @param verb - In capitals.
 * @param rawPath - The path as it came, still percent-encoded, without query. It is decoded once, segment by segment, so an
 *   encoded slash stays within its segment and an encoded colon is one.
 */
export function matchRoute(verb: string, rawPath: string): RouteMatch | undefined {
  const segments = decodeSegments(rawPath);
  if (segments === undefined) return undefined;
  const last = segments.pop() ?? "";
  const colon = last.lastIndexOf(":");
  const customVerb = colon === -1 ? "" : last.slice(colon + 1);
  // A colon with nothing behind it stays where it is, for the check of the name to refuse.
  segments.push(customVerb === "" ? last : last.slice(0, colon));
  for (const candidate of routeTable().get(keyOf(verb, segments.length, customVerb)) ?? []) {
    if (!fits(candidate.segments, segments)) continue;
    const bindings = new Map<string, string>();
    for (const { field, from, to } of candidate.variables) bindings.set(field, segments.slice(from, to).join("/"));
    return { route: candidate.route, bindings };
  }
  return undefined;
}

/** Returns every route, in the order of the protos. */
export function httpRoutes(): readonly HttpRoute[] {
  return SERVICES.flatMap((service) => service.methods.flatMap(routesOf));
}

let table: Map<string, CompiledRoute[]> | undefined;

function routeTable(): ReadonlyMap<string, CompiledRoute[]> {
  if (table === undefined) {
    table = new Map();
    for (const route of httpRoutes()) {
      const compiled = compile(route);
      const key = keyOf(route.verb, compiled.segments.length, compiled.customVerb);
      const sameKey = table.get(key);
      if (sameKey === undefined) table.set(key, [compiled]);
      else sameKey.push(compiled);
    }
  }
  return table;
}

function routesOf(method: DescMethod): HttpRoute[] {
  const rule = getOption(method, http);
  // A method without the option, such as StreamingPull, has an empty rule and no route.
  const routes = [rule, ...rule.additionalBindings].flatMap((binding) => routesOfRule(method, binding));
  if (method.parent.typeName !== IAMPolicy.typeName) return routes;
  const narrowed = routes.flatMap((route) =>
    IAM_RESOURCES.map((resource) => ({ ...route, template: route.template.replace("**", resource) })),
  );
  if (method.name !== READ_POLICY_METHOD) return narrowed;
  return [...narrowed.map((route) => ({ ...route, verb: "GET", body: "" })), ...narrowed];
}

function routesOfRule(method: DescMethod, rule: HttpRule): HttpRoute[] {
  const { pattern, body } = rule;
  if (pattern.case === undefined) return [];
  if (pattern.case === "custom") return [{ method, verb: pattern.value.kind, template: pattern.value.path, body }];
  return [{ method, verb: pattern.case.toUpperCase(), template: pattern.value, body }];
}

function compile(route: HttpRoute): CompiledRoute {
  const { template } = route;
  const colon = template.lastIndexOf(":");
  const hasCustomVerb = colon > Math.max(template.lastIndexOf("}"), template.lastIndexOf("/"));
  const path = hasCustomVerb ? template.slice(0, colon) : template;
  const segments: string[] = [];
  const variables: { field: string; from: number; to: number }[] = [];
  for (const [, field, pattern, literal] of path.matchAll(/\/(?:\{([^=}]+)=([^}]+)\}|([^/{}]+))/g)) {
    const from = segments.length;
    segments.push(...(pattern ?? literal ?? "").split("/"));
    if (field !== undefined) variables.push({ field, from, to: segments.length });
  }
  if (segments.includes("**") || segments.includes(""))
    throw new TypeError(`a route that cannot be compiled: ${template}`);
  return { route, segments, customVerb: hasCustomVerb ? template.slice(colon + 1) : "", variables };
}

function keyOf(verb: string, segmentCount: number, customVerb: string): string {
  return `${verb} ${segmentCount} ${customVerb}`;
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return pattern.every((part, index) => (part === "*" ? segments[index] !== "" : part === segments[index]));
}

function decodeSegments(rawPath: string): string[] | undefined {
  if (!rawPath.startsWith("/")) return undefined;
  try {
    return rawPath.slice(1).split("/").map(decodeURIComponent);
  } catch (error) {
    // A percent sign that encodes nothing: no route has such a path.
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
