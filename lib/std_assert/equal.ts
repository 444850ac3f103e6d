/**
 * Deep equality.
 *
 * Invariants: symmetric; NaN equals NaN and 0 equals -0; prototypes must be the
 * same (a null prototype counts as a plain object); a key holding undefined is
 * not a missing key; cycles end.
 * Not promised: equality of private state. Errors are compared by all their own
 * properties, the stack included, so two errors made on different lines differ:
 * assert on class and message instead.
 */

/** True when both values are deeply equal. Throws TypeError for two WeakMaps or two WeakSets, whose content nobody can see. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** The pairs whose comparison is under way: meeting one again means a cycle. */
type Open = Map<object, Set<object>>;

function compare(a: unknown, b: unknown, open: Open): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a === "number" && typeof b === "number") return a === b;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Date && b instanceof Date) {
    return Object.is(a.getTime(), b.getTime());
  }
  if (
    (a instanceof RegExp && b instanceof RegExp) ||
    (a instanceof URL && b instanceof URL)
  ) return String(a) === String(b);
  if (!samePrototype(a, b)) return false;
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(
      `Cannot compare ${
        a instanceof WeakMap ? "WeakMap" : "WeakSet"
      } instances: their entries cannot be listed`,
    );
  }
  if (a instanceof WeakRef && b instanceof WeakRef) {
    return compare(a.deref(), b.deref(), open);
  }
  const bytesA = asBytes(a);
  const bytesB = asBytes(b);
  if (bytesA !== undefined && bytesB !== undefined) {
    return compareBytes(a, b, bytesA, bytesB);
  }

  const partners = open.get(a) ?? new Set<object>();
  if (partners.has(b)) return true;
  open.set(a, partners.add(b));
  try {
    return compareContent(a, b, open);
  } finally {
    partners.delete(b);
  }
}

function compareContent(a: object, b: object, open: Open): boolean {
  if (a instanceof Set && b instanceof Set) {
    return compareEntries([...a].map((v) => [v, v]), b, open);
  }
  if (a instanceof Map && b instanceof Map) {
    return compareEntries([...a], b, open);
  }
  return compareProperties(a, b, open);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function samePrototype(a: object, b: object): boolean {
  const plain = (o: object) => Object.getPrototypeOf(o) ?? Object.prototype;
  return plain(a) === plain(b);
}

function asBytes(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
}

function compareBytes(
  a: object,
  b: object,
  bytesA: Uint8Array,
  bytesB: Uint8Array,
): boolean {
  if (bytesA.length !== bytesB.length) return false;
  if (isFloatArray(a) && isFloatArray(b)) {
    // By value, because NaN has many bit patterns and -0 is 0.
    return a.every((value, i) =>
      value === b[i] || (Number.isNaN(value) && Number.isNaN(b[i]))
    );
  }
  return bytesA.every((byte, i) => byte === bytesB[i]);
}

function isFloatArray(value: object): value is Float32Array | Float64Array {
  return value instanceof Float32Array || value instanceof Float64Array;
}

/** Each entry of one side is paired with one unused, deeply equal entry of the other. */
function compareEntries(
  entries: [unknown, unknown][],
  other: Map<unknown, unknown> | Set<unknown>,
  open: Open,
): boolean {
  if (entries.length !== other.size) return false;
  const unmatched: [unknown, unknown][] = [];
  const used = new Set<unknown>();
  for (const [key, value] of entries) {
    if (!isObject(key)) {
      if (!other.has(key)) return false;
      if (other instanceof Map && !compare(value, other.get(key), open)) {
        return false;
      }
      used.add(key);
    } else {
      unmatched.push([key, value]);
    }
  }
  if (unmatched.length === 0) return true;
  const candidates = [...other.entries()].filter(([key]) => !used.has(key));
  return unmatched.every(([key, value]) => {
    const found = candidates.findIndex(([otherKey, otherValue]) =>
      compare(key, otherKey, open) && compare(value, otherValue, open)
    );
    if (found < 0) return false;
    candidates.splice(found, 1);
    return true;
  });
}

/** Own keys, hidden ones and symbols too, and those of the classes up to Object. */
function keysOf(value: object): Set<PropertyKey> {
  const keys = new Set<PropertyKey>();
  let at: object | null = value;
  while (
    at !== null && at !== Object.prototype && at !== Array.prototype
  ) {
    for (const key of Reflect.ownKeys(at)) keys.add(key);
    at = Object.getPrototypeOf(at);
  }
  return keys;
}

function compareProperties(a: object, b: object, open: Open): boolean {
  const keysA = keysOf(a);
  const keysB = keysOf(b);
  if (keysA.size !== keysB.size) return false;
  for (const key of keysA) {
    if (!keysB.has(key)) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), open)) return false;
  }
  return true;
}
