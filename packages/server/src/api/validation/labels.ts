import type { PubSubError } from "@peal/core";
import { LIMITS } from "@peal/wire/hot";
import { badArgument, shown } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";

interface LabelAlphabet {
  readonly first: RegExp;
  readonly rest: RegExp;
  /** As the error text shows it. */
  readonly keyExpression: string;
}

const LOWER_CASE: LabelAlphabet = {
  first: /^[\p{Ll}\p{Lo}]/u,
  rest: /[^\p{Ll}\p{Lo}\p{N}_-]/u,
  keyExpression: "[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}",
};

const ANY_CASE: LabelAlphabet = {
  first: /^\p{L}/u,
  rest: /[^\p{L}\p{N}_-]/u,
  keyExpression: "\\p{L}[\\p{L}\\p{N}_-]{0,62}",
};

/**
 * Checks the labels of a resource. [reference 0.5]
 *
 * @throws PubSubError INVALID_ARGUMENT that names the first label at fault.
 */
export function checkLabels(rules: ProfileRules, labels: Readonly<Record<string, string>>): void {
  const alphabet = rules.allowsUpperCaseLabels ? ANY_CASE : LOWER_CASE;
  const entries = Object.entries(labels);
  if (entries.length > LIMITS.labels) {
    throw invalidLabels(
      `Invalid field "labels"; number of labels ${entries.length} exceeds maximum number of labels ${LIMITS.labels}`,
    );
  }
  for (const [key, value] of entries) {
    checkKey(alphabet, key);
    checkValue(alphabet, key, value);
  }
}

function checkKey(alphabet: LabelAlphabet, key: string): void {
  const nonconforming = `Invalid field "labels"; key "${shown(key)}" does not conform to regular expression "${alphabet.keyExpression}"`;
  if (key === "") throw invalidLabels(`${nonconforming}; key is empty`);
  const length = lengthOf(key);
  if (length > LIMITS.labelKeyLength.max) {
    throw invalidLabels(
      `Invalid field "labels"; key "${shown(key)}" exceeds maximum key length ${LIMITS.labelKeyLength.max} with a length of ${length}`,
    );
  }
  if (!alphabet.first.test(key)) {
    throw invalidLabels(
      `${nonconforming}; first character "${firstCharacter(key)}" is not a non-uppercased letter (Unicode character class Ll or Lo)`,
    );
  }
  const stranger = alphabet.rest.exec(key);
  if (stranger !== null) throw invalidLabels(`${nonconforming}; character "${stranger[0]}" is not allowed`);
}

function checkValue(alphabet: LabelAlphabet, key: string, value: string): void {
  const length = lengthOf(value);
  const field = `Invalid field "labels.${key}"; value "${shown(value)}"`;
  if (length > LIMITS.labelValueLength.max) {
    throw invalidLabels(
      `${field} exceeds maximum value length ${LIMITS.labelValueLength.max} with a length of ${length}`,
    );
  }
  const stranger = alphabet.rest.exec(value);
  if (stranger !== null) throw invalidLabels(`${field} has the character "${stranger[0]}", which is not allowed`);
}

function invalidLabels(reason: string): PubSubError {
  return badArgument(`Invalid labels: ${reason}`);
}

/** Counts characters, not UTF-16 units; what is far too long is not walked through. */
function lengthOf(text: string): number {
  return text.length > SURELY_TOO_LONG ? text.length : [...text].length;
}

const SURELY_TOO_LONG = 1024;

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0);
}
