import type { DescFile } from "@bufbuild/protobuf";
import { describeFile, field, type MessageInit } from "./file-description.js";

/** What reflection shows of itself. */
export function describeReflection(packageName: string, serviceName: string): DescFile {
  const type = (name: string): string => `.${packageName}.${name}`;
  return describeFile({
    name: `${packageName.replaceAll(".", "/")}/reflection.proto`,
    package: packageName,
    messageType: describeMessages(type),
    service: [
      {
        name: serviceName,
        method: [
          {
            name: "ServerReflectionInfo",
            inputType: type("ServerReflectionRequest"),
            outputType: type("ServerReflectionResponse"),
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  });
}

function describeMessages(type: (name: string) => string): MessageInit[] {
  const request: MessageInit = {
    name: "ServerReflectionRequest",
    oneofDecl: [{ name: "message_request" }],
    field: [
      field(1, "host", "string"),
      field(3, "file_by_filename", "string", 0),
      field(4, "file_containing_symbol", "string", 0),
      field(5, "file_containing_extension", type("ExtensionRequest"), 0),
      field(6, "all_extension_numbers_of_type", "string", 0),
      field(7, "list_services", "string", 0),
    ],
  };
  const response: MessageInit = {
    name: "ServerReflectionResponse",
    oneofDecl: [{ name: "message_response" }],
    field: [
      field(1, "valid_host", "string"),
      field(2, "original_request", type("ServerReflectionRequest")),
      field(4, "file_descriptor_response", type("FileDescriptorResponse"), 0),
      field(5, "all_extension_numbers_response", type("ExtensionNumberResponse"), 0),
      field(6, "list_services_response", type("ListServiceResponse"), 0),
      field(7, "error_response", type("ErrorResponse"), 0),
    ],
  };
  return [
    request,
    response,
    { name: "ExtensionRequest", field: [field(1, "containing_type", "string"), field(2, "extension_number", "int32")] },
    { name: "FileDescriptorResponse", field: [field(1, "file_descriptor_proto", "repeated bytes")] },
    {
      name: "ExtensionNumberResponse",
      field: [field(1, "base_type_name", "string"), field(2, "extension_number", "repeated int32")],
    },
    { name: "ListServiceResponse", field: [field(1, "service", `repeated ${type("ServiceResponse")}`)] },
    { name: "ServiceResponse", field: [field(1, "name", "string")] },
    { name: "ErrorResponse", field: [field(1, "error_code", "int32"), field(2, "error_message", "string")] },
  ];
}
