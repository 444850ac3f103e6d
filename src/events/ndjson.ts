/** Lines of the event file, and where its last whole line ends. */
import type { EventRecord } from "./publisher.ts";

const NEWLINE = 0x0a;
/** Read back from the end in steps of this size, so that opening a large file reads only its tail. */
const SCAN_BYTES = 64 * 1024;

/** What the scan needs of a file. */
export interface ReadAt {
  /** Fills `buffer` from `position` on, up to the end of the file. */
  readAt(buffer: Uint8Array, position: number): Promise<number>;
}

/** Bytes from the start of the file up to and including its last line end; 0 when it has none. */
export async function endOfLastLine(
  file: ReadAt,
  size: number,
): Promise<number> {
  const buffer = new Uint8Array(Math.min(SCAN_BYTES, size));
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - buffer.length);
    const read = await file.readAt(buffer.subarray(0, end - start), start);
    const newline = buffer.subarray(0, read).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
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
