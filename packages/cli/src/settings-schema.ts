/** The rules of the settings, for zod. Loaded only when a value was given: the defaults need no check, and zod costs start-up time. */
import * as z from "zod/mini";
import { LOG_LEVELS, PROFILES, PUSH_ADDRESSES, type SettingKey } from "./settings.js";

/** Flags and the environment say numbers and booleans in text; a file may do so too. */
const NUMERAL = /^\d{1,9}$/;
const SWITCH_WORDS = new Map<unknown, boolean>([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

const text = z.string().check(z.trim(), z.minLength(1));
const port = z.pipe(
  z.transform((value: unknown) => (typeof value === "string" && NUMERAL.test(value.trim()) ? Number(value) : value)),
  z.int().check(z.gte(0), z.lte(65_535)),
);
const toggle = z.pipe(
  z.transform((value: unknown) => (typeof value === "string" ? (SWITCH_WORDS.get(value.trim()) ?? value) : value)),
  z.boolean(),
);

const SCHEMAS = {
  host: text,
  port,
  data: text,
  ephemeral: toggle,
  profile: z.enum(PROFILES),
  "log-level": z.enum(LOG_LEVELS),
  "tls-cert": text,
  "tls-key": text,
  "test-clock": toggle,
  "push-addresses": z.enum(PUSH_ADDRESSES),
  "push-ca": text,
  "push-skip-verification": toggle,
  "push-issuer": text.check(z.regex(/^https?:\/\/[^\s/?#]+[^\s?#]*$/)),
} satisfies Record<SettingKey, z.ZodMiniType>;

/** The value in its own type, or undefined where it breaks the rule of its key. */
export function checkValue(key: SettingKey, value: unknown): string | number | boolean | undefined {
  const outcome = z.safeParse(SCHEMAS[key], value);
  return outcome.success ? outcome.data : undefined;
}
