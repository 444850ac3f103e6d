/**
 * A log line as text: JSON for machines, columns for a terminal.
 *
 * Invariants: one entry is one JSON line, whatever it holds; in the text format
 * control characters of values are escaped, so that what a client sent cannot
 * drive the terminal. Not promised: that the text format can be parsed.
 */
import type { LogFields, LogLevel } from "@oms/lifecycle";
import { type JsonValue, toJsonValue } from "./json_value.ts";

/** What a line says. */
export interface LogEntry {
  readonly time: Date;
  readonly level: LogLevel;
  readonly msg: string;
  readonly component: string;
  readonly fields: LogFields;
}

/** Turns an entry into a line without its line feed. */
export type LineFormat = (entry: LogEntry) => string;

/** Names that a field cannot take: it is shown as `field.<name>`. */
const RESERVED = new Set(["time", "level", "msg", "component"]);

/** One JSON object: time (RFC 3339, ms, UTC), level, msg, component, then fields. */
export function jsonLine(entry: LogEntry): string {
  const line: Record<string, JsonValue> = {
    time: entry.time.toISOString(),
    level: entry.level,
    msg: entry.msg,
    component: entry.component,
  };
  for (const [name, value] of convertedFields(entry.fields)) line[name] = value;
  return JSON.stringify(line);
}

function convertedFields(fields: LogFields): [string, JsonValue][] {
  const converted = toJsonValue(fields);
  if (typeof converted !== "object" || converted === null) {
    return converted === undefined ? [] : [["fields", converted]];
  }
  return Object.entries(converted).map(([name, value]) => [
    RESERVED.has(name) ? `field.${name}` : name,
    value,
  ]);
}

const RESET = "\x1b[0m";
const DIM = "\x1b[2m";
const LEVEL_COLORS: Record<LogLevel, string> = {
  debug: DIM,
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

/**
 * Columns: time of day (UTC), level, component, message, then name=value. Below them what needs more room: a list of
 * objects as a table, a stack frame by frame.
 */
export function textLine(color: boolean): LineFormat {
  const paint = (code: string, text: string) =>
    color ? `${code}${text}${RESET}` : text;
  return ({ time, level, msg, component, fields }) => {
    const below: string[] = [];
    const pairs: string[] = [];
    for (const [name, value] of convertedFields(fields)) {
      const rows = rowsOf(value);
      if (rows !== undefined) {
        below.push(paint(DIM, `    ${name}:`), ...tableOf(rows));
        continue;
      }
      const stack = stackOf(value);
      if (stack !== undefined) below.push(paint(DIM, stack));
      pairs.push(`${paint(DIM, `${name}=`)}${textValue(value)}`);
    }
    const head = [
      paint(DIM, time.toISOString().slice(11)),
      paint(LEVEL_COLORS[level], level.toUpperCase().padEnd(5)),
      component.padEnd(10),
      escapeControls(msg),
      ...pairs,
    ].join(" ");
    return [head, ...below].join("\n");
  };
}

type TableRow = Readonly<Record<string, JsonValue>>;

/** The list's objects; undefined for anything else, and for an empty list. */
function rowsOf(value: JsonValue): TableRow[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const isRow = (each: JsonValue): each is { [key: string]: JsonValue } =>
    typeof each === "object" && each !== null && !Array.isArray(each);
  return value.every(isRow) ? value : undefined;
}

/** Columns in the order in which the rows name them; numbers to the right, nothing after the last cell. */
function tableOf(rows: readonly TableRow[]): string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name) => {
    const cells = rows.map(({ [name]: cell }) =>
      cell === undefined ? "" : textValue(cell)
    );
    const title = escapeControls(name);
    const width = cells.reduce(
      (most, { length }) => Math.max(most, length),
      title.length,
    );
    const numbers = rows.every(({ [name]: cell }) => typeof cell === "number");
    return [title, ...cells].map((cell) =>
      numbers ? cell.padStart(width) : cell.padEnd(width)
    );
  });
  const lines = Array.from(
    { length: rows.length + 1 },
    (_, line) => columns.map((column) => column[line]).join("  ").trimEnd(),
  );
  return lines.map((line) => `      ${line}`);
}

function isErrorShape(
  value: JsonValue,
): value is { name: string; message: string; stack: string } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    typeof value.stack === "string" && typeof value.message === "string" &&
    typeof value.name === "string";
}

function stackOf(value: JsonValue): string | undefined {
  if (!isErrorShape(value)) return undefined;
  const frames = value.stack.split("\n").filter((line) => /^\s+at /.test(line));
  return frames.length === 0
    ? undefined
    : frames.map((line) => `    ${escapeControls(line.trim())}`).join("\n");
}

function textValue(value: JsonValue): string {
  if (isErrorShape(value)) return quote(`${value.name}: ${value.message}`);
  if (typeof value === "string") {
    return /^[\w.:/@+*,-]+$/.test(value) ? value : quote(value);
  }
  return escapeControls(JSON.stringify(value));
}

const quote = (text: string) => escapeControls(JSON.stringify(text));

// deno-lint-ignore no-control-regex -- those are what must not get through
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g;

function escapeControls(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
