// Update masks: which paths exist, which may change, and carrying a change over from the request to what is stored.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { immutableMaskPath, noUpdateMask, unknownMaskPath } from "../error-catalogue.js";

/** A resource that is updated with a mask. */
export interface MaskedResource {
  /** The request's name, for error texts. */
  readonly request: string;
  readonly desc: DescMessage;
  /** Proto names of the fields that never change, or that only the server sets. */
  readonly immutableFields: ReadonlySet<string>;
}

/** A path of a mask, split at its dots and known to exist. */
export type MaskPath = readonly [field: string, ...rest: string[]];

/**
 * Checks a mask. `*` stands for every mutable field. [reference 0.7]
 *
 * @throws PubSubError INVALID_ARGUMENT where it is empty, or a path is unknown or immutable.
 */
export function checkUpdateMask(resource: MaskedResource, mask: FieldMask | undefined): readonly MaskPath[] {
  if (mask === undefined || mask.paths.length === 0) throw noUpdateMask(resource.request);
  return mask.paths.flatMap((path) => (path === "*" ? everyMutableField(resource) : [checkPath(resource, path)]));
}

/** The top-level fields that a mask names. */
export function fieldsOf(paths: readonly MaskPath[]): ReadonlySet<string> {
  return new Set(paths.map(([field]) => field));
}

/**
 * Sets each path of `target` to what `source` has there; what `source` leaves unset is cleared.
 * Both are messages of the resource that the paths were checked for.
 */
export function applyUpdateMask(paths: readonly MaskPath[], target: ReflectMessage, source: ReflectMessage): void {
  for (const path of paths) applyPath(path, target, source);
}

function everyMutableField(resource: MaskedResource): MaskPath[] {
  return resource.desc.fields
    .filter((field) => !resource.immutableFields.has(field.name))
    .map((field) => [field.name] as const);
}

function checkPath(resource: MaskedResource, path: string): MaskPath {
  const [field = "", ...rest] = path.split(".");
  if (!isKnownPath(resource.desc, field, rest)) {
    throw unknownMaskPath(resource.request, path, resource.desc.name);
  }
  if (resource.immutableFields.has(field)) throw immutableMaskPath(resource.request, path, resource.desc.name);
  return [field, ...rest];
}

function isKnownPath(desc: DescMessage, name: string, rest: readonly string[]): boolean {
  const field = fieldNamed(desc, name);
  if (field === undefined) return false;
  const [next, ...others] = rest;
  if (next === undefined) return true;
  if (field.fieldKind === "map") return field.mapKey !== undefined && next !== "";
  return field.fieldKind === "message" && isKnownPath(field.message, next, others);
}

function applyPath([name, ...rest]: MaskPath, target: ReflectMessage, source: ReflectMessage): void {
  const field = fieldNamed(target.desc, name);
  if (field === undefined) throw new TypeError(`a checked path names the unknown field ${name}`);
  const [next, ...others] = rest;
  if (next === undefined) {
    if (source.isSet(field)) target.set(field, source.get(field));
    else target.clear(field);
  } else if (field.fieldKind === "map") {
    applyEntry(field, rest.join("."), target, source);
  } else if (field.fieldKind === "message") {
    const from = source.get(field);
    if (!source.isSet(field) && !target.isSet(field)) return;
    if (!target.isSet(field)) target.set(field, reflect(field.message));
    applyPath([next, ...others], target.get(field), from);
  }
}

function applyEntry(
  field: DescField & { fieldKind: "map" },
  key: string,
  target: ReflectMessage,
  source: ReflectMessage,
): void {
  const value = source.get(field).get(key);
  if (value === undefined) target.get(field).delete(key);
  else target.get(field).set(key, value);
}

function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  return desc.fields.find((field) => field.name === name);
}
