/** What can be set about `peal start`, each in one row: its flag is `--KEY`, its environment variable `PEAL_KEY`, its key in the config file `KEY`. */

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export const PROFILES = ["service", "emulator"] as const;
export const PUSH_ADDRESSES = ["public", "any"] as const;

/** The settings after all sources were read and checked. Paths are absolute. */
export interface Settings {
  /** Undefined: the loopback addresses, 127.0.0.1 and ::1. */
  readonly host: string | undefined;
  /** 0: a free one. */
  readonly port: number;
  readonly data: string;
  readonly ephemeral: boolean;
  readonly profile: (typeof PROFILES)[number];
  readonly "log-level": (typeof LOG_LEVELS)[number];
  readonly "tls-cert": string | undefined;
  readonly "tls-key": string | undefined;
  readonly "test-clock": boolean;
  /** Undefined: `any` in the emulator profile, `public` in the service profile. */
  readonly "push-addresses": (typeof PUSH_ADDRESSES)[number] | undefined;
  readonly "push-ca": string | undefined;
  readonly "push-skip-verification": boolean;
  /** Undefined: the service's own. */
  readonly "push-issuer": string | undefined;
}

export type SettingKey = keyof Settings;

export interface SettingRow {
  readonly key: SettingKey;
  /** What the value is called in the help; undefined: a switch. */
  readonly placeholder: string | undefined;
  readonly description: string;
  /** What a value must be, to follow "use". */
  readonly rule: string;
  /** A path counts from the folder of the config file that names it, else from the working directory. */
  readonly isPath: boolean;
}

const TRUE_OR_FALSE = "true or false";

export const SETTING_ROWS: readonly SettingRow[] = [
  {
    key: "host",
    placeholder: "HOST",
    description: "address to listen on (default: 127.0.0.1 and ::1)",
    rule: "an IP address or a host name, for example 0.0.0.0 for every interface",
    isPath: false,
  },
  {
    key: "port",
    placeholder: "PORT",
    description: "port for gRPC and REST; 0 takes a free one (default: 8085)",
    rule: "a whole number from 0 to 65535; 0 takes a free port",
    isPath: false,
  },
  {
    key: "data",
    placeholder: "DIR",
    description: "directory that holds everything (default: ./peal-data)",
    rule: "the path of a directory on a local disk",
    isPath: true,
  },
  {
    key: "ephemeral",
    placeholder: undefined,
    description: "keep everything in memory and nothing on disk",
    rule: TRUE_OR_FALSE,
    isPath: false,
  },
  {
    key: "profile",
    placeholder: "PROFILE",
    description: "service: as strict as production; emulator: as tolerant as the official emulator (default: service)",
    rule: `one of ${PROFILES.join(", ")}`,
    isPath: false,
  },
  {
    key: "log-level",
    placeholder: "LEVEL",
    description: `${LOG_LEVELS.join(", ")} (default: info)`,
    rule: `one of ${LOG_LEVELS.join(", ")}`,
    isPath: false,
  },
  {
    key: "tls-cert",
    placeholder: "FILE",
    description: "certificate chain in PEM; with --tls-key the port speaks TLS only",
    rule: "the path of a PEM file",
    isPath: true,
  },
  {
    key: "tls-key",
    placeholder: "FILE",
    description: "private key of --tls-cert in PEM",
    rule: "the path of a PEM file",
    isPath: true,
  },
  {
    key: "test-clock",
    placeholder: undefined,
    description: 'let tests move time: POST /_/clock:advance {"by": "11m"}',
    rule: TRUE_OR_FALSE,
    isPath: false,
  },
  {
    key: "push-addresses",
    placeholder: "WHICH",
    description:
      "public: messages are not pushed to this machine or private networks; any: they are (default: any for emulator, else public)",
    rule: `one of ${PUSH_ADDRESSES.join(", ")}`,
    isPath: false,
  },
  {
    key: "push-ca",
    placeholder: "FILE",
    description: "authorities in PEM that push endpoints may have their certificates from, besides the usual ones",
    rule: "the path of a PEM file",
    isPath: true,
  },
  {
    key: "push-skip-verification",
    placeholder: undefined,
    description: "take the certificates of push endpoints as they are",
    rule: TRUE_OR_FALSE,
    isPath: false,
  },
  {
    key: "push-issuer",
    placeholder: "URL",
    description: "issuer of the tokens of pushes (default: https://accounts.google.com)",
    rule: "an http or https URL, under which verifiers reach this server",
    isPath: false,
  },
];

/** `log-level` is `PEAL_LOG_LEVEL` in the environment. */
export function environmentName(key: string): string {
  return `PEAL_${key.replaceAll("-", "_").toUpperCase()}`;
}
