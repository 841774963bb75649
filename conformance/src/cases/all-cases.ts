import type { ConformanceCase } from "../conformance-case.js";
import { LABEL_CASES } from "./label.js";
import { MASK_CASES } from "./mask.js";
import { NAME_CASES } from "./name.js";
import { PAGE_CASES } from "./page.js";
import { PUB_CASES } from "./pub.js";
import { TOP_CASES } from "./top.js";

/** Every case, by group in the order of the reference. */
export const ALL_CASES: readonly ConformanceCase[] = [
  ...NAME_CASES,
  ...LABEL_CASES,
  ...PAGE_CASES,
  ...MASK_CASES,
  ...TOP_CASES,
  ...PUB_CASES,
];
