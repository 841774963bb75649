import type { PushConfig } from "./settings.js";

/** Told the push config of a subscription; undefined: it has none any more. Must not throw. */
export type PushConfigListener = (subscription: string, config: PushConfig | undefined) => void;

/** Which subscriptions are pushed to, and where; tells who asks of every change. */
export class PushConfigs {
  readonly #configs = new Map<string, PushConfig>();
  readonly #listeners: PushConfigListener[] = [];

  /** Tells of every config, now and at each change. */
  watch(onChange: PushConfigListener): void {
    this.#listeners.push(onChange);
    for (const [name, config] of this.#configs) onChange(name, config);
  }

  /** What holds for a subscription from now on; undefined: pulled from, detached or gone. */
  note(subscription: string, config: PushConfig | undefined): void {
    const known = this.#configs.get(subscription);
    if (isSame(known, config)) return;
    if (config === undefined) this.#configs.delete(subscription);
    else this.#configs.set(subscription, config);
    for (const tell of this.#listeners) tell(subscription, config);
  }
}

function isSame(one: PushConfig | undefined, other: PushConfig | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
