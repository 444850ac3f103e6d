import {
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
  equal,
} from "@std/assert";
import { Account, cyclic, judge, messageOf } from "./fixtures.ts";

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
