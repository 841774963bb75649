import assert from "node:assert/strict";
import { STATUS, type StatusName, statusName } from "./status.js";

/** How a call ended: its gRPC code and text, whichever way it was made. */
export interface Answer {
  readonly code: number;
  readonly text: string;
}

/** An error that carries the answer which came instead of the one that was due. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
  constructor(
    message: string,
    readonly answer: Answer,
  ) {
    super(message);
  }
}

/** Reads code and text from what a gRPC client throws, or `undefined` where it is no answer of a server. */
export function answerOf(error: unknown): Answer | undefined {
  if (error instanceof WrongAnswer) return error.answer;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") return undefined;
  const text = "details" in error && typeof error.details === "string" ? error.details : error.message;
  return { code: error.code, text };
}

/** What is expected of a text: the exact words, a pattern, or `undefined` for any. */
export type ExpectedText = string | RegExp | undefined;

/** Fails unless the answer has this code and, where one is given, this text. */
export function expectAnswer(answer: Answer, code: StatusName, text: ExpectedText): void {
  if (answer.code !== STATUS[code].grpc) {
    const wanted = text === undefined ? "" : `: ${text instanceof RegExp ? text.source : text}`;
    throw new WrongAnswer(
      `expected ${code}${wanted}; came ${statusName(answer.code)}: ${shorten(answer.text)}`,
      answer,
    );
  }
  if (text instanceof RegExp) assert.match(answer.text, text);
  else if (text !== undefined) assert.equal(answer.text, text);
}

/** Cuts a long text in the middle, so that a table stays readable. */
export function shorten(text: string, lengthMax = 400): string {
  if (text.length <= lengthMax) return text;
  const half = Math.floor(lengthMax / 2);
  return `${text.slice(0, half)} … ${text.slice(-half)}`;
}
