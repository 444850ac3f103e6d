/** An order's timeline, read in chunks that give the event loop back in between; entries are only ever added. */
import type { OrderId } from "../../orders/ids.ts";
import type { TimelineEntry } from "../../orders/order.ts";
import { sizeOfEntry, throughSize } from "../../orders/size.ts";
import type { TimelineQuery } from "../store.ts";
import type { Read } from "./list.ts";

/** A few ms of reading. */
const CHUNK = 1_000;

export async function readTimeline(
  id: OrderId,
  { after = 0, limit = Infinity, maxBytes = Infinity }: TimelineQuery,
  read: Read,
  signal?: AbortSignal,
): Promise<TimelineEntry[]> {
  const found: TimelineEntry[] = [];
  let bytes = 0;
  for (;;) {
    signal?.throwIfAborted();
    const rows = Math.min(limit - found.length, CHUNK);
    const chunk = await read((reader) =>
      reader.timeline(id, after + found.length, rows)
    );
    const fitting = throughSize(chunk.found, sizeOfEntry, maxBytes - bytes);
    for (const entry of fitting) bytes += sizeOfEntry(entry);
    found.push(...fitting);
    const over = bytes > maxBytes || found.length === limit;
    if (over || chunk.ended) return found;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
