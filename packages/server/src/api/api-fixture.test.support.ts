import type { Profile } from "@peal/wire/hot";
import { ManualClock } from "../engine/manual-clock.js";
import type { ApiContext } from "./api-context.js";
import { type CallObserver, SILENT_OBSERVER } from "./call-observer.js";
import { FakeEngine } from "./fake-engine.test.support.js";
import type { CallScope } from "./grpc/unary-method.js";
import { rulesOf } from "./profile.js";

/** A context over a fake engine and a clock that stands still. */
export function apiFixture(profile: Profile = "service", observer: CallObserver = SILENT_OBSERVER) {
  const engine = new FakeEngine();
  const clock = new ManualClock();
  const context: ApiContext = {
    engine,
    clock,
    rules: rulesOf(profile),
    random: () => 0.5,
    observer,
    streamMaxAgeMs: Number.POSITIVE_INFINITY,
  };
  return { engine, clock, context };
}

/** A caller that can be made to go away. */
export class FakeScope implements CallScope {
  deadlineAtMs = Number.POSITIVE_INFINITY;
  isCancelled = false;
  readonly #listeners: (() => void)[] = [];

  onCancel(listener: () => void): void {
    if (this.isCancelled) listener();
    else this.#listeners.push(listener);
  }

  cancel(): void {
    this.isCancelled = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
