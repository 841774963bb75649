import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rulesOf } from "../profile.js";
import { checkPageSize, nameBeforePage, pageTokenAfter } from "./paging.js";

const service = rulesOf("service");
const list = { scope: "topics of projects/p", prefix: "projects/p/topics/" };

const ids = fc.string({ unit: "grapheme", minLength: 1, maxLength: 255 }).filter((id) => !id.includes("/"));

test("a token leads back to the name it was made of, inside the list's project and outside of it", () => {
  fc.assert(
    fc.property(ids, fc.boolean(), (id, isForeign) => {
      const name = isForeign ? `projects/other/topics/${id}` : list.prefix + id;
      const token = pageTokenAfter(list, name);
      assert.match(token, /^[A-Za-z0-9_-]+$/);
      assert.equal(nameBeforePage(service, list, token), name);
    }),
  );
});

test("the token of a usual name has about 26 characters", () => {
  assert.equal(pageTokenAfter(list, "projects/p/topics/my-topic-1").length, 26);
});

test("garbage, a changed token and the token of another list are refused by name", () => {
  const token = pageTokenAfter(list, "projects/p/topics/orders");
  const other = pageTokenAfter(
    { scope: "topics of projects/q", prefix: "projects/q/topics/" },
    "projects/q/topics/orders",
  );
  for (const bad of ["x", `${token}A`, `${token.slice(0, -1)}!`, token.slice(1), other, "x".repeat(100_000)]) {
    assert.throws(() => nameBeforePage(service, list, bad), {
      code: "INVALID_ARGUMENT",
      message: /^Invalid page token given \(token=/,
    });
  }
  assert.equal(nameBeforePage(service, list, ""), undefined);
});

test("a page size of 0 is a thousand, and others are taken as they are within 0 to 1000", () => {
  assert.equal(checkPageSize(service, 0), 1000);
  assert.equal(checkPageSize(service, 1), 1);
  assert.equal(checkPageSize(service, 1000), 1000);
  for (const size of [-1, 1001]) {
    assert.throws(() => checkPageSize(service, size), {
      message: `The value for page_size is out of bounds. You passed ${size} in the request, but the value must be between 0 and 1000.`,
    });
    assert.equal(checkPageSize(rulesOf("emulator"), size), 1000);
  }
});

test("in the emulator profile a token is the name to begin with", () => {
  const after = nameBeforePage(rulesOf("emulator"), list, "projects/p/topics/bbb");
  assert.ok(after !== undefined && after < "projects/p/topics/bbb" && after > "projects/p/topics/bba-and-more");
});
