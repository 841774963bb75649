import type { ConformanceCase } from "../conformance-case.js";
import { okJson } from "../rest.js";

/** Cases of groups that come with later issues, where they can be judged already or cost little. */
export const OTHER_CASES: readonly ConformanceCase[] = [
  {
    id: "AUTH-002",
    title: "any Authorization header is ignored",
    profile: "emulator",
    run: async (context) => {
      const headers = { authorization: "Bearer nonsense" };
      okJson(await context.rest("PUT", "/topics/topic", {}, headers));
    },
  },
];
