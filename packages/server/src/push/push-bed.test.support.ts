/** Pushes under a clock that stands still, from an engine to an endpoint that do as they are told. */
import type { Profile } from "@peal/wire/hot";
import { SILENT_LOG } from "../engine/engine-log.js";
import { ManualClock } from "../engine/manual-clock.js";
import type { PushConfig } from "../engine/settings.js";
import { ISSUER_DEFAULT } from "./discovery.js";
import { FakeEndpoint, settle } from "./fake-endpoint.test.support.js";
import { FakePushEngine } from "./fake-push-engine.test.support.js";
import type { PushState } from "./push-log.js";
import { type PushService, startPush } from "./push-service.js";
import { type KeyStore, SigningKeys } from "./signing-keys.js";

export const CONFIG: PushConfig = { endpoint: "https://example.com/push?x=1", attributes: { "x-goog-version": "v1" } };

export class MemoryKeyStore implements KeyStore {
  value: Uint8Array | undefined;
  writes = 0;

  async read(): Promise<Uint8Array | undefined> {
    return this.value;
  }

  async write(value: Uint8Array): Promise<void> {
    this.value = value;
    this.writes += 1;
  }
}

export class PushBed {
  readonly clock = new ManualClock();
  readonly engine = new FakePushEngine();
  readonly endpoint = new FakeEndpoint();
  readonly keyStore = new MemoryKeyStore();
  readonly service: PushService;

  constructor(config: PushConfig | undefined = CONFIG, profile: Profile = "service") {
    this.engine.configure(config);
    this.service = startPush({
      engine: this.engine,
      clock: this.clock,
      poster: { post: this.endpoint.post, close: () => undefined },
      keys: new SigningKeys(this.keyStore),
      issuer: ISSUER_DEFAULT,
      profile,
      log: SILENT_LOG,
    });
  }

  get state(): PushState {
    const [state] = this.service.pushStates();
    if (state === undefined) throw new Error("nothing is pushed");
    return state;
  }

  /** The wrapped bodies that were posted. */
  get bodies(): readonly { readonly message: Record<string, unknown>; readonly [key: string]: unknown }[] {
    return this.endpoint.requests.map(({ body }) => JSON.parse(Buffer.from(body).toString()));
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs, settle);
  }
}
