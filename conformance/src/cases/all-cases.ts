import type { ConformanceCase } from "../conformance-case.js";
import { ACK_CASES } from "./ack.js";
import { ACK_TIME_CASES } from "./ack-time.js";
import { BAD_INPUT_CASES } from "./bad-input.js";
import { CLIENT_SEMANTICS_CASES } from "./client-semantics.js";
import { DEAD_LETTER_CASES } from "./dead-letter.js";
import { DEAD_LETTER_TIME_CASES } from "./dead-letter-time.js";
import { DETACH_CASES } from "./detach.js";
import { EXACTLY_ONCE_CASES } from "./exactly-once.js";
import { EXACTLY_ONCE_TIME_CASES } from "./exactly-once-time.js";
import { FILTER_CASES } from "./filter.js";
import { LABEL_CASES } from "./label.js";
import { MASK_CASES } from "./mask.js";
import { NAME_CASES } from "./name.js";
import { ORDERING_CASES } from "./ordering.js";
import { ORDERING_TIME_CASES } from "./ordering-time.js";
import { OTHER_CASES } from "./others.js";
import { PAGE_CASES } from "./page.js";
import { PUB_CASES } from "./pub.js";
import { PUB_LIMIT_CASES } from "./pub-limits.js";
import { PULL_CASES } from "./pull.js";
import { PUSH_CASES } from "./push.js";
import { PUSH_ANSWER_CASES } from "./push-answers.js";
import { PUSH_TIME_CASES } from "./push-time.js";
import { REST_CASES } from "./rest.js";
import { REST_MAP_CASES } from "./rest-map.js";
import { RETENTION_CASES } from "./retention.js";
import { RETRY_CASES } from "./retry.js";
import { SEEK_CASES } from "./seek.js";
import { SNAPSHOT_CASES } from "./snapshot.js";
import { STR_CASES } from "./str.js";
import { STR_CLIENT_CASES } from "./str-clients.js";
import { STR_TIME_CASES } from "./str-time.js";
import { SUB_CASES } from "./sub.js";
import { SUB_POLICY_CASES } from "./sub-policies.js";
import { TOP_CASES } from "./top.js";

/** Every case, by group in the order of the reference. */
export const ALL_CASES: readonly ConformanceCase[] = [
  ...NAME_CASES,
  ...LABEL_CASES,
  ...PAGE_CASES,
  ...MASK_CASES,
  ...REST_MAP_CASES,
  ...REST_CASES,
  ...TOP_CASES,
  ...PUB_CASES,
  ...PUB_LIMIT_CASES,
  ...SUB_CASES,
  ...SUB_POLICY_CASES,
  ...PULL_CASES,
  ...ACK_CASES,
  ...ACK_TIME_CASES,
  ...STR_CASES,
  ...STR_TIME_CASES,
  ...STR_CLIENT_CASES,
  ...BAD_INPUT_CASES,
  ...EXACTLY_ONCE_CASES,
  ...EXACTLY_ONCE_TIME_CASES,
  ...ORDERING_CASES,
  ...ORDERING_TIME_CASES,
  ...RETRY_CASES,
  ...DEAD_LETTER_CASES,
  ...DEAD_LETTER_TIME_CASES,
  ...OTHER_CASES,
  ...FILTER_CASES,
  ...RETENTION_CASES,
  ...SEEK_CASES,
  ...SNAPSHOT_CASES,
  ...DETACH_CASES,
  ...PUSH_CASES,
  ...PUSH_ANSWER_CASES,
  ...PUSH_TIME_CASES,
  ...CLIENT_SEMANTICS_CASES,
];
