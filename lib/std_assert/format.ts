/**
 * Values and differences as text, for failure messages.
 *
 * Invariants: never throws on a printable value, prints keys in sorted order so
 * that two equal objects print alike. Not promised: a stable layout.
 */

const useColor = !Deno.noColor;
const paint = (code: string, text: string): string =>
  useColor ? `\x1b[1m\x1b[${code}m${text}\x1b[39m\x1b[22m` : text;
const red = (text: string) => paint("31", text);
const green = (text: string) => paint("32", text);

/** A value as it stands in a message: whole, sorted, one entry a line. */
export function format(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    getters: true,
    strAbbreviateSize: Infinity,
  });
}

/** `: msg` when there is a message, else a full stop. */
export function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}

type Line = { kind: "same" | "removed" | "added"; text: string };

/** Above this many cells the two middles are shown as one block each. */
const MAX_TABLE_CELLS = 4_000_000;

/** Longest-common-subsequence difference of two lists of lines. */
function diffLines(actual: string[], expected: string[]): Line[] {
  let start = 0;
  const shorter = Math.min(actual.length, expected.length);
  while (start < shorter && actual[start] === expected[start]) start++;
  let tail = 0;
  while (
    tail < shorter - start &&
    actual[actual.length - 1 - tail] === expected[expected.length - 1 - tail]
  ) tail++;

  const same = (text: string): Line => ({ kind: "same", text });
  return [
    ...actual.slice(0, start).map(same),
    ...diffMiddle(
      actual.slice(start, actual.length - tail),
      expected.slice(start, expected.length - tail),
    ),
    ...actual.slice(actual.length - tail).map(same),
  ];
}

function diffMiddle(a: string[], b: string[]): Line[] {
  const removed = (text: string): Line => ({ kind: "removed", text });
  const added = (text: string): Line => ({ kind: "added", text });
  if (a.length * b.length > MAX_TABLE_CELLS) {
    return [...a.map(removed), ...b.map(added)];
  }
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j]
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && left === right) {
      lines.push({ kind: "same", text: left });
      i++;
      j++;
    } else if (
      left !== undefined &&
      (right === undefined || at(i + 1, j) >= at(i, j + 1))
    ) {
      lines.push(removed(left));
      i++;
    } else {
      lines.push(added(right ?? ""));
      j++;
    }
  }
  return lines;
}

/** The difference of two texts, by line: `-` only in actual, `+` only in expected. */
export function renderDiff(actual: string, expected: string): string {
  const body = diffLines(actual.split("\n"), expected.split("\n")).map((line) =>
    line.kind === "removed"
      ? red(`-   ${line.text}`)
      : line.kind === "added"
      ? green(`+   ${line.text}`)
      : `    ${line.text}`
  );
  return [
    "",
    "",
    `    [Diff] ${red("Actual")} / ${green("Expected")}`,
    "",
    "",
    ...body,
    "",
  ].join("\n");
}
