import { type JavaScriptUDF, LIMITS, type MessageTransform } from "@peal/wire";
import { badArgument, shown, tooLarge } from "../error-catalogue.js";

const FUNCTION_NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/**
 * Checks the transforms of a topic or subscription. [reference 2.6]
 *
 * @throws PubSubError INVALID_ARGUMENT
 */
export function checkMessageTransforms(transforms: readonly MessageTransform[]): void {
  if (transforms.length > LIMITS.messageTransforms) {
    throw tooLarge("message_transforms", transforms.length, LIMITS.messageTransforms);
  }
  const functionNames = new Set<string>();
  for (const { transform } of transforms) {
    if (transform.case === undefined) throw badArgument("Invalid message_transforms: a transform is empty");
    if (transform.case === "javascriptUdf") checkUdf(transform.value, functionNames);
  }
}

function checkUdf(udf: JavaScriptUDF, taken: Set<string>): void {
  const { functionName } = udf;
  if (!FUNCTION_NAME.test(functionName)) {
    throw badArgument(
      `Invalid message_transforms: function_name "${shown(functionName)}" is not a JavaScript identifier`,
    );
  }
  if (taken.has(functionName)) {
    throw badArgument(
      `Invalid message_transforms: function_name "${shown(functionName)}" is used twice; each must be unique`,
    );
  }
  taken.add(functionName);
  const sizeBytes = Buffer.byteLength(udf.code);
  if (sizeBytes > LIMITS.udfCodeBytes) throw tooLarge("javascript_udf.code", sizeBytes, LIMITS.udfCodeBytes);
}
