/**
 * Assertions for tests: the part of `jsr:@std/assert` that this project calls.
 *
 * Invariants: each name here has upstream's signature and pass/fail behaviour,
 * so the `links` entry in deno.json can be dropped where JSR is reachable.
 * Not promised: names that are not exported here (calling one is a type error)
 * and the exact layout of a diff.
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export { equal } from "./equal.ts";
export {
  assert,
  assertExists,
  assertFalse,
  assertInstanceOf,
  fail,
  unreachable,
} from "./basic.ts";
export {
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
} from "./equality.ts";
export {
  assertAlmostEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "./order.ts";
export {
  type ArrayLikeArg,
  assertArrayIncludes,
  assertMatch,
  assertStringIncludes,
} from "./inclusion.ts";
export { assertObjectMatch } from "./object_match.ts";
export { assertIsError, assertRejects, assertThrows } from "./throws.ts";
export type { AnyConstructor, ErrorConstructorOf, Falsy } from "./types.ts";
