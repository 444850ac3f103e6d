/** Durations in Go's notation, in milliseconds. */

const UNITS_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/**
 * Reads `250ms`, `1.5s`, `1m30s`, `0`. Whole milliseconds: finer is rounded.
 * Undefined for anything else, negative durations included.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    total += Number(match[1]) * (UNITS_MS[match[2] ?? ""] ?? NaN);
  }
  return text === "" || !Number.isFinite(total) ? undefined : Math.round(total);
}

/** The shortest notation of whole milliseconds, as `1m30s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms % 1_000 !== 0) {
    return ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
  }
  const seconds = ms / 1_000;
  const parts: [number, string][] = [
    [Math.floor(seconds / 3_600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  return parts.filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`).join("") || "0s";
}
