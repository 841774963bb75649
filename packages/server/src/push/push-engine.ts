import type { PubSubEngine } from "../engine/engine-contract.js";

/** What pushing asks of the engine. */
export type PushEngine = Pick<
  PubSubEngine,
  "getSubscription" | "openPuller" | "acknowledge" | "modifyAckDeadline" | "watchPushConfigs"
>;
