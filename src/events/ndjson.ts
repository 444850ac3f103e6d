/** Lines of the event file, and where its last whole line ends. */
import { type EventRecord, LARGEST_BATCH } from "./publisher.ts";

const NEWLINE = 0x0a;
/** In no line: JSON escapes it. A file that has grown without its data has them in that place. */
const NUL = 0;
/** Read back from the end in steps of this size, so that opening a large file reads only its tail. */
const SCAN_BYTES = 64 * 1024;

/** What the scan needs of a file. */
export interface ReadAt {
  /** Fills `buffer` from `position` on, up to the end of the file. */
  readAt(buffer: Uint8Array, position: number): Promise<number>;
}

/**
 * Bytes from the start of the file up to and including the last line end before which every line is whole.
 *
 * Assumes that only the newest batch can be torn: after a loss of power any part of it may be missing, also in
 * its middle. So no more than the lines of the largest batch are looked at, or cut off.
 */
export async function endOfWholeLines(
  file: ReadAt,
  size: number,
): Promise<number> {
  const buffer = new Uint8Array(Math.min(SCAN_BYTES, size));
  let whole: number | null = null;
  let lines = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - buffer.length);
    const read = await file.readAt(buffer.subarray(0, end - start), start);
    for (let index = read - 1; index >= 0; index--) {
      const byte = buffer[index];
      if (byte === NEWLINE) {
        whole ??= start + index + 1;
        lines += 1;
        if (lines > LARGEST_BATCH) return whole;
      } else if (byte === NUL) whole = null;
    }
    end = start;
  }
  return whole ?? 0;
}

/** Whether a file of that size is empty or ends with a line's end. */
export async function endsWithLine(
  file: ReadAt,
  size: number,
): Promise<boolean> {
  if (size === 0) return true;
  const last = new Uint8Array(1);
  return await file.readAt(last, size - 1) === 1 && last[0] === NEWLINE;
}

/**
 * `{topic, key, headers, value}` and a line end. A value that is JSON on one line is embedded byte for byte;
 * any other (a dead letter's cut one) becomes a JSON string.
 */
export function toLine(record: EventRecord): string {
  const head = JSON.stringify({
    topic: record.topic,
    key: record.key,
    headers: record.headers,
  });
  const value = isOneLineJson(record.value)
    ? record.value
    : JSON.stringify(record.value);
  return `${head.slice(0, -1)},"value":${value}}\n`;
}

function isOneLineJson(text: string): boolean {
  if (text.includes("\n")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
