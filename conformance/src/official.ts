import { v1 } from "@google-cloud/pubsub";
import { credentials } from "@grpc/grpc-js";

/** The generated clients inside the official Node client, without its retries: a case wants the first answer. */
export interface OfficialClients {
  readonly publisher: v1.PublisherClient;
  readonly subscriber: v1.SubscriberClient;
  readonly schemas: v1.SchemaServiceClient;
  close(): Promise<void>;
}

const METHODS = {
  Publisher:
    "CreateTopic UpdateTopic Publish GetTopic ListTopics ListTopicSubscriptions ListTopicSnapshots DeleteTopic DetachSubscription",
  Subscriber:
    "CreateSubscription GetSubscription UpdateSubscription ListSubscriptions DeleteSubscription ModifyAckDeadline Acknowledge Pull StreamingPull ModifyPushConfig GetSnapshot ListSnapshots CreateSnapshot UpdateSnapshot DeleteSnapshot Seek",
  SchemaService:
    "CreateSchema GetSchema ListSchemas ListSchemaRevisions CommitSchema RollbackSchema DeleteSchemaRevision DeleteSchema ValidateSchema ValidateMessage",
} as const;

/** Settings of a method that sends each call once. */
const SENT_ONCE = { retry_codes_name: "none" };

type ClientOptions = NonNullable<ConstructorParameters<typeof v1.PublisherClient>[0]>;

/** Connects the generated clients to an endpoint that speaks plain gRPC. */
export function connectOfficialClients(endpoint: string): OfficialClients {
  const colon = endpoint.lastIndexOf(":");
  const options = (service: keyof typeof METHODS): ClientOptions => ({
    servicePath: endpoint.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(endpoint.slice(colon + 1)),
    sslCreds: credentials.createInsecure(),
    projectId: "conformance",
    clientConfig: {
      interfaces: {
        // A method whose configuration is null has no retry settings.
        [`google.pubsub.v1.${service}`]: {
          retry_codes: { none: [] },
          methods: Object.fromEntries(METHODS[service].split(" ").map((method) => [method, SENT_ONCE])),
        },
      },
    },
  });
  const publisher = new v1.PublisherClient(options("Publisher"));
  const subscriber = new v1.SubscriberClient(options("Subscriber"));
  const schemas = new v1.SchemaServiceClient(options("SchemaService"));
  return {
    publisher,
    subscriber,
    schemas,
    close: async () => {
      await Promise.all([publisher.close(), subscriber.close(), schemas.close()]);
    },
  };
}
