/**
 * Partial match of objects: what `expected` names must be in `actual`.
 *
 * Invariants: nested objects, arrays (by index, a prefix is enough), maps and
 * sets match partially too; classes are not compared; cycles end.
 */
import { assertEquals } from "./equality.ts";

type Loose = Record<PropertyKey, unknown>;

/**
 * Throws AssertionError unless `actual` has everything that `expected` has,
 * deeply; TypeError when either is not an object.
 */
export function assertObjectMatch(
  // Upstream takes a record of any; `object` accepts the same arguments,
  // interfaces without an index signature included.
  actual: object,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(
    project(requireObject(actual), requireObject(expected), new Map()),
    project(requireObject(expected), requireObject(expected), new Map()),
    msg,
  );
}

function requireObject(value: unknown): Loose {
  if (isObject(value)) return value;
  throw new TypeError(
    `Cannot assertObjectMatch ${
      value === null ? "null" : `type ${typeof value}`
    }: pass an object`,
  );
}

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null;
}

/** The plain copies made so far, by pair: a cycle gets the copy under way. */
type Copies = Map<Loose, Map<Loose, Loose>>;

/** The part of `source` whose keys `mask` has too, as plain objects. */
function project(source: Loose, mask: Loose, copies: Copies): Loose {
  const known = copies.get(source)?.get(mask);
  if (known !== undefined) return known;
  const copy: Loose = {};
  const byMask = copies.get(source) ?? new Map<Loose, Loose>();
  copies.set(source, byMask.set(mask, copy));
  for (const key of Reflect.ownKeys(source)) {
    if (!(key in mask)) continue;
    if (key === "length" && Array.isArray(source)) continue;
    copy[key] = projectValue(source[key], mask[key], copies);
  }
  return copy;
}

function projectValue(
  value: unknown,
  mask: unknown,
  copies: Copies,
): unknown {
  if (!isObject(value) || !isObject(mask) || isLeaf(value)) return value;
  if (value instanceof Map && mask instanceof Map) {
    return new Map(
      [...value].filter(([key]) => mask.has(key)).map(([key, held]) => [
        key,
        projectValue(held, mask.get(key), copies),
      ]),
    );
  }
  if (value instanceof Set && mask instanceof Set) {
    return new Set([...value].filter((held) => mask.has(held)));
  }
  return project(value, mask, copies);
}

/** Values without properties worth masking: they are compared whole. */
function isLeaf(value: object): boolean {
  return value instanceof RegExp || value instanceof Date ||
    value instanceof URL || ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer;
}
