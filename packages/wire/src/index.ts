// The public surface: everything of src/hot.ts, and the generated messages with what needs them.
export * from "./gen/google/iam/v1/iam_policy_pb.js";
export * from "./gen/google/iam/v1/options_pb.js";
export * from "./gen/google/iam/v1/policy_pb.js";
export * from "./gen/google/pubsub/v1/pubsub_pb.js";
export * from "./gen/google/pubsub/v1/schema_pb.js";
export * from "./gen/google/rpc/code_pb.js";
export * from "./gen/google/rpc/error_details_pb.js";
export * from "./gen/google/rpc/status_pb.js";
export * from "./hot.js";
export * from "./routes.js";
