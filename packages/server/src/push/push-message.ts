import type { MessageFields } from "@peal/wire/hot";

/** One delivery of a message, as it is pushed. */
export interface PushMessage {
  /** Full name of the subscription. */
  readonly subscription: string;
  readonly messageId: number;
  readonly publishTimeMs: number;
  /** From 1; 0: not told. */
  readonly deliveryAttempt: number;
  readonly fields: MessageFields;
}

/** RFC 3339 as proto3 JSON has it: no fraction where it is 0. */
export function formatPublishTime(timeMs: number): string {
  const text = new Date(timeMs).toISOString();
  return timeMs % 1_000 === 0 ? `${text.slice(0, -5)}Z` : text;
}
