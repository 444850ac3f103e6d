import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertObjectMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "@std/assert";
import { Account, cyclic, judge, messageOf } from "./fixtures.ts";

Deno.test("assert, assertFalse and assertExists narrow and fail", () => {
  const maybe: string | undefined = ["x"].at(0);
  assertExists(maybe);
  judge(maybe.length === 1, "narrowed");
  const flag: unknown = 1;
  assert(flag === 1);
  assertFalse(0);
  judge(messageOf(() => assert(false, "why")) === "why", "message");
  judge(messageOf(() => assert(0)) === "", "no message");
  messageOf(() => assertFalse("x"));
  messageOf(() => assertExists(null));
  assertExists(0);
});

Deno.test("assertInstanceOf names what it found", () => {
  const value: unknown = new Date(0);
  assertInstanceOf(value, Date);
  judge(value.getTime() === 0, "narrowed");
  abstract class Base {}
  class Derived extends Base {}
  assertInstanceOf(new Derived(), Base);
  const of = (v: unknown) => messageOf(() => assertInstanceOf(v, Date));
  judge(of(5).endsWith('"Date" but was "number".'), of(5));
  judge(of(null).endsWith('but was "null".'), of(null));
  judge(of({}).endsWith('but was "Object".'), of({}));
  judge(of(Date).endsWith("but was not an instanced object."), of(Date));
});

Deno.test("order assertions hold at their edges", () => {
  assertGreater(2n, 1n);
  assertGreaterOrEqual(1, 1);
  assertLess(1, 2);
  assertLessOrEqual(1, 1);
  messageOf(() => assertGreater(1, 1));
  messageOf(() => assertGreaterOrEqual(1, 2));
  messageOf(() => assertLess(1, 1));
  judge(
    messageOf(() => assertLessOrEqual(2, 1, "budget")) ===
      "Expect 2 <= 1: budget",
    "message",
  );
});

Deno.test("assertAlmostEquals allows a ten-millionth by default", () => {
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertAlmostEquals(9e20, 9.0000000001e20);
  assertAlmostEquals(Infinity, Infinity);
  assertAlmostEquals(10, 12, 2);
  messageOf(() => assertAlmostEquals(1, 1.1));
  messageOf(() => assertAlmostEquals(0, Infinity));
  messageOf(() => assertAlmostEquals(NaN, 1));
});

Deno.test("inclusion assertions", () => {
  assertArrayIncludes([1, { a: 1 }, 3], [{ a: 1 }, 1]);
  assertArrayIncludes(Uint8Array.of(1, 2), Uint8Array.of(2));
  judge(
    messageOf(() => assertArrayIncludes([1], [2])).includes("missing: [\n  2,"),
    "names what is missing",
  );
  assertStringIncludes("abc", "b");
  messageOf(() => assertStringIncludes("abc", "d"));
  assertMatch("abc", /^a/);
  messageOf(() => assertMatch("abc", /^b/));
});

Deno.test("assertObjectMatch compares only what is expected, deeply", () => {
  const actual = {
    id: "a",
    items: [{ sku: "x", qty: 1 }, { sku: "y", qty: 2 }],
    by: new Map([["k", { n: 1, m: 2 }]]),
    tags: new Set(["a", "b"]),
    account: new Account(1),
    at: new Date(3),
    bytes: Uint8Array.of(1, 2),
  };
  assertObjectMatch(actual, { id: "a" });
  assertObjectMatch(actual, { items: [{ sku: "x" }] });
  assertObjectMatch(actual, { by: new Map([["k", { n: 1 }]]) });
  assertObjectMatch(actual, { tags: new Set(["b"]), account: { id: 1 } });
  assertObjectMatch(actual, { at: new Date(3), bytes: Uint8Array.of(1, 2) });
  assertObjectMatch(cyclic("x"), { self: { self: { tag: "x" } } });
  messageOf(() => assertObjectMatch(actual, { id: "b" }));
  messageOf(() => assertObjectMatch(actual, { missing: undefined }));
  messageOf(() => assertObjectMatch(actual, { items: [{ sku: "y" }] }));
  messageOf(() => assertObjectMatch(actual, { tags: new Set(["c"]) }));
  messageOf(() => assertObjectMatch(actual, { at: new Date(4) }));
  messageOf(() => assertObjectMatch(actual, { bytes: Uint8Array.of(1, 3) }));
  messageOf(() => assertObjectMatch({ a: null }, { a: { b: 1 } }));
  messageOf(() =>
    assertObjectMatch(cyclic("x"), { self: { self: { tag: "y" } } })
  );
});

Deno.test("assertThrows returns the error and checks class and message", () => {
  const error = assertThrows(
    () => {
      throw new TypeError("bad id");
    },
    TypeError,
    "bad",
  );
  judge(error.message === "bad id", "returned");
  judge(
    assertThrows(() => {
      throw "text";
    }) === "text",
    "a thrown text is returned too",
  );
  judge(
    messageOf(() => assertThrows(() => 1)) === "Expected function to throw.",
    "no throw",
  );
  judge(
    messageOf(() => assertThrows(() => 1, "here")) ===
      "Expected function to throw: here",
    "no throw, with a message",
  );
  judge(
    messageOf(() =>
      assertThrows(() => {
        throw new RangeError("x");
      }, TypeError)
    ).startsWith('Expected error to be instance of "TypeError", but was'),
    "other class",
  );
  messageOf(() =>
    assertThrows(
      () => {
        throw new TypeError("x");
      },
      TypeError,
      "y",
    )
  );
  judge(
    messageOf(() =>
      assertThrows(() => {
        throw "text";
      }, Error)
    ) === "A non-Error object was thrown.",
    "no error",
  );
});

Deno.test("assertRejects resolves with the reason and refuses a synchronous throw", async () => {
  const error = await assertRejects(
    () => Promise.reject(new TypeError("bad id")),
    TypeError,
    "bad",
  );
  judge(error.message === "bad id", "resolved with it");
  await assertRejects(
    () => assertRejects(() => Promise.resolve(1)),
    AssertionError,
    "Expected function to reject.",
  );
  await assertRejects(
    () =>
      assertRejects(() => {
        throw new Error("too early");
      }),
    AssertionError,
    "Function throws when expected to reject.",
  );
  await assertRejects(
    () => assertRejects(() => Promise.reject("text"), Error),
    AssertionError,
    "A non-Error object was rejected.",
  );
});

Deno.test("assertIsError matches a part or an expression and narrows", () => {
  const error: unknown = new RangeError("out of 7");
  assertIsError(error, RangeError, /of \d/);
  judge(error.message.length === 8, "narrowed");
  assertIsError(error);
  messageOf(() => assertIsError(error, RangeError, /of x/));
  messageOf(() => assertIsError("text"));
});

Deno.test("fail and unreachable always throw", () => {
  judge(messageOf(() => fail()) === "Failed assertion.", "no message");
  judge(messageOf(() => fail("why")) === "Failed assertion: why", "message");
  judge(messageOf(() => unreachable()) === "Unreachable.", "default");
});

Deno.test("AssertionError has its name and cause", () => {
  const error = new AssertionError("m", { cause: 1 });
  judge(error.name === "AssertionError" && error.cause === 1, "both");
});
