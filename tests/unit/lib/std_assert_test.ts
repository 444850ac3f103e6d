import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
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
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";

/** The assertions under test must not be their own judge. */
function judge(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    judge(error instanceof AssertionError, `AssertionError, not ${error}`);
    return String((error as AssertionError).message);
  }
  throw new Error("did not throw");
}

const cyclic = (tag: string) => {
  const node: { tag: string; self?: unknown } = { tag };
  node.self = node;
  return node;
};

class Account {
  constructor(readonly id: number) {}
}

const equalPairs: [string, unknown, unknown][] = [
  ["zeros of either sign", 0, -0],
  ["NaN", NaN, NaN],
  ["bigints", 2n ** 63n, 2n ** 63n],
  ["nested plain objects", { a: [{ b: 1n }] }, { a: [{ b: 1n }] }],
  ["key order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["a view and a copy", new Uint8Array([9, 1]).subarray(1), Uint8Array.of(1)],
  ["floats", Float64Array.of(NaN, 0), Float64Array.of(NaN, -0)],
  ["buffers", Uint8Array.of(1).buffer, Uint8Array.of(1).buffer],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date("no")],
  ["expressions", /a+/g, /a+/g],
  ["addresses", new URL("http://a/"), new URL("http://a")],
  ["sets in any order", new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])],
  [
    "maps in any order",
    new Map<unknown, unknown>([["a", [1]], [{ k: 1 }, 2]]),
    new Map<unknown, unknown>([[{ k: 1 }, 2], ["a", [1]]]),
  ],
  ["instances of one class", new Account(1), new Account(1)],
  ["a null prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["cycles", cyclic("x"), cyclic("x")],
  ["symbol keys", { [Symbol.for("k")]: 1 }, { [Symbol.for("k")]: 1 }],
  ["weak references", new WeakRef({ a: 1 }), new WeakRef({ a: 1 })],
  [
    "values behind accessors",
    new URLSearchParams("a=1"),
    new URLSearchParams("a=1"),
  ],
];

const differentPairs: [string, unknown, unknown][] = [
  ["types", 1, "1"],
  ["bigint and number", 1n, 1],
  ["null and undefined", null, undefined],
  ["a missing key and undefined", { a: undefined }, {}],
  ["array lengths", [1, 2], [1, 2, 3]],
  ["an array and an object", [], {}],
  ["bytes", new Uint8Array([1]), new Uint8Array([2])],
  ["byte lengths", new Uint8Array([0]), new Uint8Array([0, 0])],
  ["views of other types", new Uint8Array([1]), new Int8Array([1])],
  ["dates", new Date(5), new Date(6)],
  ["flags", /a/g, /a/],
  ["set members", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  [
    "two alike members against two unlike",
    new Set([{ a: 1 }, { a: 1 }]),
    new Set([{ a: 1 }, { a: 2 }]),
  ],
  ["map values", new Map([["a", 1]]), new Map([["a", 2]])],
  ["map keys", new Map([["a", 1]]), new Map([["b", 1]])],
  ["classes", new Account(1), { id: 1 }],
  ["cycles", cyclic("x"), cyclic("y")],
  ["error messages", new Error("a"), new Error("b")],
  ["functions", () => 1, () => 1],
  ["symbols", { [Symbol("k")]: 1 }, { [Symbol("k")]: 1 }],
];

Deno.test("equal holds for", async (t) => {
  for (const [name, a, b] of equalPairs) {
    await t.step(name, () => {
      judge(equal(a, b), "equal");
      judge(equal(b, a), "equal the other way round");
      assertEquals(a, b);
      messageOf(() => assertNotEquals(a, b));
    });
  }
});

Deno.test("equal does not hold for different", async (t) => {
  for (const [name, a, b] of differentPairs) {
    await t.step(name, () => {
      judge(!equal(a, b), "different");
      judge(!equal(b, a), "different the other way round");
      assertNotEquals(a, b);
      messageOf(() => assertEquals(a, b));
    });
  }
});

Deno.test("equal refuses what cannot be listed", () => {
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError);
  assertThrows(() => equal(new WeakSet(), new WeakSet()), TypeError);
  judge(!equal(new WeakMap(), new WeakSet()), "different kinds differ");
});

Deno.test("equal of large sets and maps is not quadratic", () => {
  const numbers = Array.from({ length: 20_000 }, (_, i) => i);
  judge(equal(new Set(numbers), new Set(numbers.toReversed())), "sets");
  const entries = numbers.map((n): [number, number] => [n, n]);
  judge(equal(new Map(entries), new Map(entries)), "maps");
});

Deno.test("assertEquals shows the lines that differ and the caller's message", () => {
  const message = messageOf(() =>
    assertEquals({ a: 1, b: 2n, c: 3 }, { a: 1, b: 4n, c: 3 }, "order 7")
  );
  judge(message.startsWith("Values are not equal: order 7"), message);
  judge(/-\s+b: 2n,/.test(message), message);
  judge(/\+\s+b: 4n,/.test(message), message);
  judge(!/[-+]\s+a: 1/.test(message), "an equal line is not marked");
});

Deno.test("assertEquals compares long texts by line", () => {
  const message = messageOf(() => assertEquals("a\nb\nc", "a\nx\nc"));
  judge(/-\s+b/.test(message) && /\+\s+x/.test(message), message);
});

Deno.test("assertEquals uses the caller's formatter", () => {
  const message = messageOf(() =>
    assertEquals(1, 2, undefined, { formatter: (v) => `<${v}>` })
  );
  judge(message.includes("<1>") && message.includes("<2>"), message);
});

Deno.test("assertStrictEquals is by identity and narrows", () => {
  const value: unknown = "text";
  assertStrictEquals(value, "text");
  judge(value.length === 4, "narrowed to a string");
  assertStrictEquals(NaN, NaN);
  judge(
    messageOf(() => assertStrictEquals({ a: 1 }, { a: 1 })).startsWith(
      "Values have the same structure but are not reference-equal",
    ),
    "says that only the reference differs",
  );
  judge(
    messageOf(() => assertStrictEquals(1, 2)).startsWith(
      "Values are not strictly equal.",
    ),
    "says that the values differ",
  );
});

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
