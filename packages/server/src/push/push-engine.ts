import type { PubSubEngine } from "../engine/engine-contract.js";

/** What pushing asks of the engine. */
export type PushEngine = Pick<
  PubSubEngine,
  "ackDeadlineSeconds" | "openPuller" | "acknowledge" | "modifyAckDeadline" | "watchPushConfigs"
>;
