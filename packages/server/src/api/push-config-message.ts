// How a subscription is pushed to, as it is stored, to and from the PushConfig of the wire. Nothing is checked here.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PushConfig, PushConfigSchema } from "@peal/wire";
import type { PushConfig as PushSettings } from "../engine/settings.js";

/** The attribute that says in which form messages are pushed. */
export const PUSH_VERSION_ATTRIBUTE = "x-goog-version";

const DEFAULT_PUSH_VERSION = "v1";

/** The PushConfig that describes `settings`; an empty one for a subscription that is pulled from. (S-2.8) */
export function pushConfigMessage(settings: PushSettings | undefined): MessageInitShape<typeof PushConfigSchema> {
  if (settings === undefined) return {};
  const { endpoint, attributes, oidcToken, wrapper } = settings;
  return {
    pushEndpoint: endpoint,
    attributes: { ...attributes },
    ...(oidcToken && { authenticationMethod: { case: "oidcToken", value: { ...oidcToken } } }),
    ...(wrapper && { wrapper: wrapperMessage(wrapper) }),
  };
}

/** What is stored of a PushConfig that was checked; undefined where it has no endpoint, which means pull. */
export function pushSettings(config: PushConfig | undefined): PushSettings | undefined {
  if (config === undefined || config.pushEndpoint === "") return undefined;
  const { authenticationMethod: authentication, wrapper } = config;
  return {
    endpoint: config.pushEndpoint,
    attributes: { [PUSH_VERSION_ATTRIBUTE]: DEFAULT_PUSH_VERSION, ...config.attributes },
    ...(authentication.case === "oidcToken" && {
      oidcToken: {
        serviceAccountEmail: authentication.value.serviceAccountEmail,
        audience: authentication.value.audience,
      },
    }),
    ...(wrapper.case === "pubsubWrapper" && { wrapper: { kind: "pubsub" } }),
    ...(wrapper.case === "noWrapper" && { wrapper: { kind: "none", writesMetadata: wrapper.value.writeMetadata } }),
  };
}

function wrapperMessage(
  wrapper: NonNullable<PushSettings["wrapper"]>,
): NonNullable<MessageInitShape<typeof PushConfigSchema>["wrapper"]> {
  if (wrapper.kind === "pubsub") return { case: "pubsubWrapper", value: {} };
  return { case: "noWrapper", value: { writeMetadata: wrapper.writesMetadata } };
}
