/** An endpoint that answers when it is told to. */
import { DEADLINE_ERROR, type PostOutcome, type PostRequest, type PushRequest } from "./post-request.js";

interface Pending {
  readonly request: PushRequest;
  answer(outcome: PostOutcome): void;
}

export class FakeEndpoint {
  readonly requests: PushRequest[] = [];
  /** Those that have no answer yet, in the order they came. */
  readonly pending: Pending[] = [];
  /** Answers each at once. Undefined: waits. */
  respond: ((request: PushRequest) => PostOutcome) | undefined;

  readonly post: PostRequest = (request, signal) => {
    this.requests.push(request);
    if (this.respond !== undefined) return Promise.resolve(this.respond(request));
    return new Promise((resolve) => {
      const pending: Pending = {
        request,
        answer: (outcome) => {
          this.pending.splice(this.pending.indexOf(pending), 1);
          resolve(outcome);
        },
      };
      this.pending.push(pending);
      signal.addEventListener("abort", () => pending.answer({ kind: "failed", error: DEADLINE_ERROR }));
    });
  };

  /** What lies in the bodies of wrapped pushes. */
  get texts(): readonly string[] {
    return this.requests.map(({ body }) => {
      const { message } = JSON.parse(Buffer.from(body).toString());
      return Buffer.from(message.data ?? "", "base64").toString();
    });
  }

  /** Answers the oldest. */
  async answer(status: number): Promise<void> {
    const [first] = this.pending;
    if (first === undefined) throw new Error("nothing waits for an answer");
    first.answer({ kind: "answered", status });
    await settle();
  }
}

/** Lets everything happen that needs no time. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
