// Every unary method that is no hot path, by service. Written down, so that a start does not load the descriptors; a test
// holds the list equal to them.
export const ADMIN_METHOD_NAMES = {
  "google.pubsub.v1.Publisher": [
    "CreateTopic",
    "UpdateTopic",
    "GetTopic",
    "ListTopics",
    "ListTopicSubscriptions",
    "ListTopicSnapshots",
    "DeleteTopic",
    "DetachSubscription",
  ],
  "google.pubsub.v1.Subscriber": [
    "CreateSubscription",
    "GetSubscription",
    "UpdateSubscription",
    "ListSubscriptions",
    "DeleteSubscription",
    "ModifyPushConfig",
    "GetSnapshot",
    "ListSnapshots",
    "CreateSnapshot",
    "UpdateSnapshot",
    "DeleteSnapshot",
    "Seek",
  ],
  "google.pubsub.v1.SchemaService": [
    "CreateSchema",
    "GetSchema",
    "ListSchemas",
    "ListSchemaRevisions",
    "CommitSchema",
    "RollbackSchema",
    "DeleteSchemaRevision",
    "DeleteSchema",
    "ValidateSchema",
    "ValidateMessage",
  ],
  "google.iam.v1.IAMPolicy": ["SetIamPolicy", "GetIamPolicy", "TestIamPermissions"],
} as const satisfies { readonly [service: string]: readonly string[] };

/** The methods on whose bytes the server works without decoding them. */
export const HOT_METHOD_NAMES = {
  "google.pubsub.v1.Publisher": ["Publish"],
  "google.pubsub.v1.Subscriber": ["Pull", "Acknowledge", "ModifyAckDeadline", "StreamingPull"],
} as const satisfies { readonly [service: string]: readonly string[] };
