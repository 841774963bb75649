/** Message bodies that can be made again from their number, so that what comes back is compared byte for byte. */

const SIZE_MAX_BYTES = 24_000;

/** The body of message `number`: mostly small, now and then big enough to fill a segment quickly. */
export function payloadOf(number: number): Buffer {
  const roll = Math.imul(number ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const size = 24 + (roll % 8 === 0 ? (roll >>> 3) % SIZE_MAX_BYTES : (roll >>> 3) % 400);
  const body = Buffer.alloc(size);
  let state = roll;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body[at] = state >>> 24;
  }
  body.write(`${number}|`, 0, "latin1");
  return body;
}

/** The number a body begins with, or undefined where it has none: then it is not one of ours. */
export function numberOf(body: Buffer): number | undefined {
  const digits = /^(\d{1,15})\|/.exec(body.toString("latin1", 0, 20))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
