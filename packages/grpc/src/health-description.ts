import type { DescFile } from "@bufbuild/protobuf";
import { describeFile, enumField, field } from "./file-description.js";

/** The health service, as its published file describes it. */
export function describeHealthFile(): DescFile {
  const prefix = ".grpc.health.v1.";
  const [inputType, outputType] = [`${prefix}HealthCheckRequest`, `${prefix}HealthCheckResponse`];
  const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
  return describeFile({
    name: "grpc/health/v1/health.proto",
    package: "grpc.health.v1",
    messageType: [
      { name: "HealthCheckRequest", field: [field(1, "service", "string")] },
      {
        name: "HealthCheckResponse",
        field: [enumField(1, "status", `${outputType}.ServingStatus`)],
        enumType: [{ name: "ServingStatus", value: statuses.map((name, number) => ({ name, number })) }],
      },
    ],
    service: [
      {
        name: "Health",
        method: [
          { name: "Check", inputType, outputType },
          { name: "Watch", inputType, outputType, serverStreaming: true },
        ],
      },
    ],
  });
}
