import { DetailedError } from "../detailed-error.js";
import { shown } from "../error-catalogue.js";

/** One thing that is wrong with a JSON request. */
export interface Violation {
  /** Path of the message that has it, in proto names; "" for the request itself. */
  readonly field: string;
  readonly description: string;
}

/** A request whose JSON cannot be read: INVALID_ARGUMENT, with every violation in its details. */
export class JsonRefusal extends DetailedError {
  constructor(violations: readonly Violation[], options?: ErrorOptions) {
    super(
      "INVALID_ARGUMENT",
      violations.map(({ description }) => description).join("\n"),
      [{ type: "BadRequest", fieldViolations: violations }],
      options,
    );
  }
}

/** A name that the message does not have, or that it may not have here. */
export function unknownName(name: string, parent: string, reason = "Cannot find field."): Violation {
  const place = parent === "" ? "" : ` at '${parent}'`;
  return {
    field: parent,
    description: `Invalid JSON payload received. Unknown name "${shown(name)}"${place}: ${reason}`,
  };
}

/** A value that does not fit its field. `type` as in `TYPE_INT32`. */
export function invalidValue(path: string, type: string, value: unknown): Violation {
  return { field: path, description: `Invalid value at '${path}' (${type}), ${shownValue(value)}` };
}

/** Text that is not JSON. */
export function invalidPayload(reason: string, options?: ErrorOptions): JsonRefusal {
  return new JsonRefusal([{ field: "", description: `Invalid JSON payload received. ${reason}` }], options);
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? `"${shown(value)}"` : String(value);
}
