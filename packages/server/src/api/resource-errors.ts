// The engine says NOT_FOUND and ALREADY_EXISTS in the words of the service; here they get those of the profile.
import { PubSubError } from "@peal/core";
import { lastSegment } from "@peal/wire/hot";
import { alreadyExists, notFound } from "./error-catalogue.js";
import type { ProfileRules, ResourceKind } from "./profile.js";

/** The resources that a call may find missing, or there already. */
export interface CallSubjects {
  readonly missing: { readonly kind: ResourceKind; readonly name: string };
  readonly existing?: { readonly kind: ResourceKind; readonly name: string };
}

/** Returns the error to throw for one that the engine threw. */
export function inProfileWords(rules: ProfileRules, subjects: CallSubjects, error: unknown): unknown {
  if (!(error instanceof PubSubError) || rules.profile === "service") return error;
  const { missing, existing } = subjects;
  if (error.code === "NOT_FOUND") return notFound(rules, missing.kind, lastSegment(missing.name));
  if (error.code === "ALREADY_EXISTS" && existing !== undefined) {
    return alreadyExists(rules, existing.kind, lastSegment(existing.name));
  }
  return error;
}

/** Runs a call of the engine, and rethrows its errors in the words of the profile. */
export async function withProfileWords<Result>(
  rules: ProfileRules,
  subjects: CallSubjects,
  call: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw inProfileWords(rules, subjects, error);
  }
}
