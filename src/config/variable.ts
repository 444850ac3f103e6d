/** One row of the table of variables. */
import type { HeaderField } from "./credentials.ts";
import type { Address, Parser } from "./parsers.ts";

/**
 * How a value is kept: all but `plain` may come from `NAME_FILE` too, and certificates and keys by their own name from
 * a path. Neither a secret nor a key is ever shown.
 */
export type VariableKind = "plain" | "secret" | "certificate" | "key";

/** One variable. T includes undefined when there is no default. */
export interface Variable<T> {
  readonly name: string;
  readonly kind: VariableKind;
  readonly parser: Parser<NonNullable<T>>;
  /** The default's text; undefined when the variable may be missing. */
  readonly fallback: string | undefined;
  /** What it means, for the documentation. */
  readonly doc: string;
  /** A value that is refused; undefined when every text is taken. */
  readonly badExample: string | undefined;
}

type Value =
  | string
  | number
  | boolean
  | Address
  | readonly string[]
  | readonly HeaderField[];

/** A row with a default. */
export function withDefault<T extends Value>(
  name: string,
  fallback: string,
  parser: Parser<T>,
  badExample: string,
  doc: string,
): Variable<T> {
  return { name, kind: "plain", parser, fallback, doc, badExample };
}

/** A row that may be missing. */
export function optional<T extends Value>(
  name: string,
  parser: Parser<T>,
  badExample: string | undefined,
  doc: string,
  kind: VariableKind = "plain",
): Variable<T | undefined> {
  return { name, kind, parser, fallback: undefined, doc, badExample };
}
