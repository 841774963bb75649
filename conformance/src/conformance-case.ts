import type { ClientLanguage } from "./client-language.js";
import type { Context } from "./context.js";
import type { Profile } from "./profile.js";

/** A part of the service that a server may not have yet, and then answers UNIMPLEMENTED. */
export type Feature =
  | "snapshots"
  | "seek"
  | "push"
  | "schemas"
  | "iam"
  | "filter"
  | "ordering"
  | "exactly-once"
  | "dead letter"
  | "retry policy"
  | "transforms"
  | "exports"
  | "ingestion";

/** One sentence of the reference, as code that fails where the endpoint does not keep it. */
export interface ConformanceCase {
  /** As in the reference, such as `ACK-002`. Several cases may share an id: each checks a part of it. */
  readonly id: string;
  /** A sentence in the present, true where the case passes. */
  readonly title: string;
  /** Absent: the sentence holds in both profiles. */
  readonly profile?: Profile;
  /**
   * What the case needs beyond the core of the service. Where the endpoint answers UNIMPLEMENTED, the case counts
   * as "not yet" and not as failed; without `needs`, UNIMPLEMENTED is a failure like any other.
   */
  readonly needs?: readonly Feature[];
  /** Seconds of server time that pass in this case. Without a test clock up to 60 are waited for in earnest. */
  readonly clockSeconds?: number;
  /** The case starts, stops and kills durable servers of its own. */
  readonly ownsServer?: boolean;
  /** The case works with this official client, and runs only where that is asked for; alone, as it takes much CPU. */
  readonly client?: ClientLanguage;
  /** Most milliseconds of wall time the case may take; 90 seconds unless said. */
  readonly timeoutMs?: number;
  run(context: Context): Promise<void>;
}
