// The names of topics, subscriptions, snapshots and schemas. Text is parsed into a branded type at the edge and never
// parsed again: whoever holds a TopicName knows that it conforms.
import type { Profile } from "./profile.js";

declare const brand: unique symbol;

type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `projects/{project}` */
export type ProjectName = Branded<"project">;
/** `projects/{project}/topics/{id}` */
export type TopicName = Branded<"topics">;
/** `projects/{project}/subscriptions/{id}` */
export type SubscriptionName = Branded<"subscriptions">;
/** `projects/{project}/snapshots/{id}` */
export type SnapshotName = Branded<"snapshots">;
/** `projects/{project}/schemas/{id}`, without a revision. */
export type SchemaName = Branded<"schemas">;

/** Any name that holds a collection and an id. */
export type ResourceName = TopicName | SubscriptionName | SnapshotName | SchemaName;

/** The collections of a project. */
export type Collection = "topics" | "subscriptions" | "snapshots" | "schemas";

interface NameOf {
  readonly topics: TopicName;
  readonly subscriptions: SubscriptionName;
  readonly snapshots: SnapshotName;
  readonly schemas: SchemaName;
}

/** Stands for the topic of a subscription or snapshot whose topic was deleted. An output value: it does not parse. */
export const DELETED_TOPIC = "_deleted-topic_";

/** Stands for the schema of a topic whose schema was deleted. An output value: it does not parse. */
export const DELETED_SCHEMA = "_deleted-schema_";

/** The most characters in the project part of a name. Google's own ids are far shorter; a bound keeps keys bounded. */
export const PROJECT_ID_MAX_LENGTH = 255;

const PROJECT_ID = /^[^/\p{Cc}\p{Cs}]+$/u;
const RESOURCE_ID = /^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/;
const REVISION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const RESERVED_PREFIX = "goog";

/** Says whether `id` may name a resource: 3 to 255 characters, and not the reserved prefix `goog`. */
export function isResourceId(id: string, profile: Profile): boolean {
  if (!RESOURCE_ID.test(id)) return false;
  // Production refuses the prefix in any letter case, the official emulator only in lower case.
  const prefix = id.slice(0, RESERVED_PREFIX.length);
  return (profile === "service" ? prefix.toLowerCase() : prefix) !== RESERVED_PREFIX;
}

/** Says whether `id` may name a project: any non-empty segment without `/`, control characters or lone surrogates. */
export function isProjectId(id: string): boolean {
  return id.length <= PROJECT_ID_MAX_LENGTH && PROJECT_ID.test(id);
}

/** Parses `projects/{project}`; undefined when the text is malformed. */
export function parseProjectName(text: string): ProjectName | undefined {
  return isProjectName(text) ? text : undefined;
}

/** Parses `projects/{project}/topics/{id}`; undefined when the text is malformed or its id not allowed in `profile`. */
export function parseTopicName(text: string, profile: Profile): TopicName | undefined {
  return isNameIn("topics", text, profile) ? text : undefined;
}

/** Parses `projects/{project}/subscriptions/{id}`; undefined when malformed or its id not allowed in `profile`. */
export function parseSubscriptionName(text: string, profile: Profile): SubscriptionName | undefined {
  return isNameIn("subscriptions", text, profile) ? text : undefined;
}

/** Parses `projects/{project}/snapshots/{id}`; undefined when malformed or its id not allowed in `profile`. */
export function parseSnapshotName(text: string, profile: Profile): SnapshotName | undefined {
  return isNameIn("snapshots", text, profile) ? text : undefined;
}

/** Parses `projects/{project}/schemas/{id}`; a revision (`@…`) is malformed here. */
export function parseSchemaName(text: string, profile: Profile): SchemaName | undefined {
  return isNameIn("schemas", text, profile) ? text : undefined;
}

/** A schema, or one revision of it. */
export interface SchemaRevisionName {
  readonly schema: SchemaName;
  /** Absent when the name had no `@revision`: the latest is meant. */
  readonly revisionId: string | undefined;
}

/** Parses `projects/{project}/schemas/{id}` with or without `@{revision}`; undefined when malformed. */
export function parseSchemaRevisionName(text: string, profile: Profile): SchemaRevisionName | undefined {
  const at = text.lastIndexOf("@");
  // A project may contain "@"; only one behind the last slash starts a revision.
  const hasRevision = at > text.lastIndexOf("/");
  const schema = parseSchemaName(hasRevision ? text.slice(0, at) : text, profile);
  if (schema === undefined) return undefined;
  if (!hasRevision) return { schema, revisionId: undefined };
  const revisionId = text.slice(at + 1);
  return REVISION_ID.test(revisionId) ? { schema, revisionId } : undefined;
}

/** A name of any of the four collections, told apart. */
export type ParsedResource = {
  readonly [Kind in Collection]: { readonly collection: Kind; readonly name: NameOf[Kind] };
}[Collection];

/** Parses the name of a topic, subscription, snapshot or schema (without revision), as IAM calls take them. */
export function parseResourceName(text: string, profile: Profile): ParsedResource | undefined {
  if (isNameIn("topics", text, profile)) return { collection: "topics", name: text };
  if (isNameIn("subscriptions", text, profile)) return { collection: "subscriptions", name: text };
  if (isNameIn("snapshots", text, profile)) return { collection: "snapshots", name: text };
  if (isNameIn("schemas", text, profile)) return { collection: "schemas", name: text };
  return undefined;
}

/** Returns the project that holds a resource: `projects/{project}`. */
export function projectOf(name: ResourceName): ProjectName {
  const project = name.slice(0, name.indexOf("/", "projects/".length));
  if (!isProjectName(project)) throw new TypeError(`a resource name without a project: ${name}`);
  return project;
}

/** Returns the project id of a name. */
export function projectIdOf(name: ResourceName | ProjectName): string {
  return name.split("/", 2)[1] ?? "";
}

/** Returns the part of a name that error texts show: everything behind the last slash. Takes any text. */
export function lastSegment(text: string): string {
  return text.slice(text.lastIndexOf("/") + 1);
}

const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const RANDOM_ID_LENGTH = 24;

/**
 * Draws an id for a resource that the caller left unnamed. 23 characters of 36 make a collision unthinkable, if `random` is good.
 *
 * @param random - Returns a number in `[0, 1)`.
 */
export function randomResourceId(random: () => number): string {
  // A fixed first letter: an id starts with one, and must not start with "goog".
  let id = "s";
  while (id.length < RANDOM_ID_LENGTH) id += ID_ALPHABET.charAt(Math.floor(random() * ID_ALPHABET.length));
  return id;
}

function isProjectName(text: string): text is ProjectName {
  return text.startsWith("projects/") && isProjectId(text.slice("projects/".length));
}

function isNameIn<Kind extends Collection>(kind: Kind, text: string, profile: Profile): text is NameOf[Kind] {
  const idStart = text.lastIndexOf("/") + 1;
  const infix = `/${kind}/`;
  const projectEnd = idStart - infix.length;
  return (
    projectEnd > 0 &&
    text.startsWith(infix, projectEnd) &&
    isProjectName(text.slice(0, projectEnd)) &&
    isResourceId(text.slice(idStart), profile)
  );
}
