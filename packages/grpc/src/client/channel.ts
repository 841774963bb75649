/**
 * The way to one server: connects when a call needs it, and again when the connection is gone.
 *
 *     idle ─call─▶ connecting ─settings─▶ ready ─GOAWAY, close─▶ idle
 *                      └─failed─▶ backingOff ─time─▶ idle, or connecting where calls wait
 */
import type { Timer, TimeSource } from "../deadline-table.js";
import { GrpcError, Status } from "../status.js";
import { Backoff } from "./backoff.js";
import type { ClientLimits, ClientTlsOptions } from "./client-options.js";
import { Connection } from "./connection.js";

/** A call that needs a connection. */
export interface ChannelCall {
  readonly waitForReady: boolean;
  start(connection: Connection): void;
  fail(error: GrpcError): void;
}

type ChannelState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" | "ready"; readonly connection: Connection }
  | { readonly kind: "backingOff"; readonly error: GrpcError; readonly timer: Timer }
  | { readonly kind: "closed" };

const CLOSED_TEXT = "the client is closed";

export class Channel {
  readonly #target: string;
  readonly #tls: ClientTlsOptions | undefined;
  readonly #limits: ClientLimits;
  readonly #time: TimeSource;
  readonly #backoff: Backoff;
  /** All that are not over. */
  readonly #calls = new Set<ChannelCall>();
  /** Those of them that have no connection. */
  readonly #waiting = new Set<ChannelCall>();
  readonly #connections = new Set<Connection>();
  #state: ChannelState = { kind: "idle" };
  #isDraining = false;
  #whenIdle: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #onClosed: (() => void) | undefined;

  constructor(
    target: string,
    tls: ClientTlsOptions | undefined,
    limits: ClientLimits,
    time: TimeSource,
    random: () => number,
  ) {
    this.#target = target;
    this.#tls = tls;
    this.#limits = limits;
    this.#time = time;
    this.#backoff = new Backoff(limits.backoffMinMs, limits.backoffMaxMs, random);
  }

  get state(): ChannelState["kind"] {
    return this.#state.kind;
  }

  /** Takes a call: it starts now, or once there is a connection; or it fails. */
  begin(call: ChannelCall): void {
    if (this.#isDraining) {
      call.fail(new GrpcError(Status.CANCELLED, CLOSED_TEXT));
      return;
    }
    this.#calls.add(call);
    this.dispatch(call);
  }

  /** Starts a call that was taken, or starts it again. */
  dispatch(call: ChannelCall): void {
    if (!this.#calls.has(call)) return;
    const state = this.#state;
    if (state.kind === "ready" && state.connection.isUsable) {
      call.start(state.connection);
    } else if (state.kind === "closed") {
      call.fail(new GrpcError(Status.CANCELLED, CLOSED_TEXT));
    } else if (state.kind === "backingOff" && !call.waitForReady) {
      call.fail(state.error);
    } else {
      this.#waiting.add(call);
      if (state.kind === "idle" || state.kind === "ready") this.#connect();
      this.#holdBackoff();
    }
  }

  /** The call is over, whether it had started or not. */
  end(call: ChannelCall): void {
    this.#calls.delete(call);
    if (this.#waiting.delete(call)) this.#holdBackoff();
    if (this.#calls.size === 0) this.#onIdle?.();
  }

  /** Takes no new calls; resolves when all that were taken are over, and the connections closed. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#calls.size > 0) {
      this.#whenIdle ??= new Promise((resolve) => {
        this.#onIdle = resolve;
      });
      await this.#whenIdle;
    }
    this.#toClosed();
    for (const connection of this.#connections) connection.close();
    await this.#whenClosed();
  }

  /** Cuts everything off. */
  close(): Promise<void> {
    this.#isDraining = true;
    this.#toClosed();
    for (const connection of this.#connections) connection.destroy(new Error(CLOSED_TEXT));
    return this.#whenClosed();
  }

  #connect(): void {
    const connection = new Connection(this.#target, this.#tls, this.#limits, this.#time, {
      onReady: () => this.#onReady(connection),
      onGoAway: () => this.#leave(connection),
      onClose: (error) => this.#onClose(connection, error),
    });
    this.#connections.add(connection);
    this.#state = { kind: "connecting", connection };
  }

  #onReady(connection: Connection): void {
    if (!this.#isCurrent(connection)) return;
    this.#backoff.reset();
    this.#state = { kind: "ready", connection };
    const calls = [...this.#waiting];
    this.#waiting.clear();
    for (const call of calls) this.dispatch(call);
  }

  #onClose(connection: Connection, error: Error | undefined): void {
    this.#connections.delete(connection);
    if (this.#state.kind === "connecting" && this.#isCurrent(connection)) this.#backOff(error);
    else this.#leave(connection);
    if (this.#connections.size === 0) this.#onClosed?.();
  }

  /** New calls need another connection. */
  #leave(connection: Connection): void {
    if (!this.#isCurrent(connection)) return;
    this.#state = { kind: "idle" };
    if (this.#waiting.size > 0) this.#connect();
  }

  #backOff(cause: Error | undefined): void {
    const error = new GrpcError(
      Status.UNAVAILABLE,
      `no connection to ${this.#target}: ${cause?.message ?? "it was closed before the server said anything"}`,
      { cause },
    );
    const timer = this.#time.setTimer(this.#backoff.nextMs(), () => {
      this.#state = { kind: "idle" };
      if (this.#waiting.size > 0) this.#connect();
    });
    this.#state = { kind: "backingOff", error, timer };
    for (const call of [...this.#waiting]) {
      if (call.waitForReady) continue;
      this.#waiting.delete(call);
      call.fail(error);
    }
    this.#holdBackoff();
  }

  /** Calls that wait for the next connect keep the process alive; nothing else does then. */
  #holdBackoff(): void {
    if (this.#state.kind === "backingOff") this.#state.timer.hold?.(this.#waiting.size > 0);
  }

  #toClosed(): void {
    if (this.#state.kind === "backingOff") this.#state.timer.cancel();
    this.#state = { kind: "closed" };
    for (const call of [...this.#waiting]) call.fail(new GrpcError(Status.CANCELLED, CLOSED_TEXT));
    this.#waiting.clear();
  }

  #whenClosed(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onClosed;
      this.#onClosed = () => {
        before?.();
        resolve();
      };
    });
  }

  #isCurrent(connection: Connection): boolean {
    const state = this.#state;
    return (state.kind === "connecting" || state.kind === "ready") && state.connection === connection;
  }
}
