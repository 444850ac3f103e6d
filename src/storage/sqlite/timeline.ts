/** An order's timeline, read in chunks that give the event loop back in between; entries are only ever added. */
import type { OrderId } from "../../orders/ids.ts";
import type { TimelineEntry } from "../../orders/order.ts";
import { sizeOfEntry } from "../../orders/size.ts";
import { type Page, PageBuilder } from "../page.ts";
import type { TimelineQuery } from "../store.ts";
import type { Read } from "./list.ts";

/** A few ms of reading. */
const CHUNK = 1_000;

export async function readTimeline(
  id: OrderId,
  query: TimelineQuery,
  read: Read,
  signal?: AbortSignal,
): Promise<Page<TimelineEntry>> {
  const page = new PageBuilder(query, sizeOfEntry);
  const { after = 0 } = query;
  for (;;) {
    signal?.throwIfAborted();
    const rows = Math.min(page.wanted, CHUNK);
    const chunk = await read((reader) =>
      reader.timeline(id, after + page.length, rows)
    );
    for (const entry of chunk.found) {
      if (!page.add(entry)) return page.build(true);
    }
    if (chunk.ended) return page.build(false);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
