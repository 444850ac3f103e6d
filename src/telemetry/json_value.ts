/**
 * Any value as something JSON.stringify can take.
 *
 * Invariants: never throws, ends on cycles and deep values, loses no digit of a
 * bigint (a decimal string: it may pass 2^53). Errors show name, message, code,
 * stack and cause. Not promised: that it can be turned back.
 */

/** What JSON can say. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

const MAX_DEPTH = 10;

/** Converts a value; undefined for what JSON leaves out (undefined, functions). */
export function toJsonValue(value: unknown): JsonValue | undefined {
  return convert(value, []);
}

function convert(
  value: unknown,
  ancestors: readonly object[],
): JsonValue | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
    case "symbol":
      return String(value);
    case "object":
      if (value === null) return null;
      if (ancestors.includes(value)) return "[circular]";
      if (ancestors.length >= MAX_DEPTH) return "[too deep]";
      try {
        return convertObject(value, [...ancestors, value]);
      } catch (error) {
        // A getter or toJSON of somebody else's object threw.
        return `[unprintable: ${describe(error)}]`;
      }
    default:
      return undefined;
  }
}

function describe(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "unknown";
  }
}

function convertObject(value: object, ancestors: readonly object[]): JsonValue {
  if (value instanceof Error) return convertError(value, ancestors);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return convert(value.toJSON(), ancestors) ?? null;
  }
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) {
    return convertEntries(
      [...value].map(([key, held]) => [String(key), held]),
      ancestors,
    );
  }
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].map((held) => convert(held, ancestors) ?? null);
  }
  return convertEntries(Object.entries(value), ancestors);
}

function convertEntries(
  entries: [string, unknown][],
  ancestors: readonly object[],
): JsonValue {
  const result: Record<string, JsonValue> = {};
  for (const [key, held] of entries) {
    const converted = convert(held, ancestors);
    if (converted !== undefined) result[key] = converted;
  }
  return result;
}

function convertError(error: Error, ancestors: readonly object[]): JsonValue {
  const code = "code" in error ? error.code : undefined;
  return convertEntries([
    ["name", error.name],
    ["message", error.message],
    ["code", code],
    ["stack", error.stack],
    ["cause", error.cause],
  ], ancestors);
}
