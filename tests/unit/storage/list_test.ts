/** A filtered list takes several reads: it ends between two of them when nobody waits for it any more. */
import { assertEquals, assertRejects } from "@std/assert";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { makeChange, makeOrder } from "../../support/fixtures.ts";
import { inlineWriter } from "../../support/inline_writer.ts";
import { withTempDir } from "../../support/temp_dir.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("a filtered list ends with its caller's abort, between two of its reads", async () => {
  await withTempDir(async (dir) => {
    const store = await openSqliteStore({
      dir,
      owner: "test",
      onFatal: (error) => {
        throw error;
      },
      startWriter: inlineWriter(),
    });
    // Two reads and a bit: 500 orders each.
    await Promise.all(
      Array.from({ length: 1_001 }, (_, i) =>
        store.commit(
          makeChange({
            orderInsert: makeOrder({ status: i === 0 ? "PAID" : "PENDING" }),
          }),
        )),
    );
    const query = {
      customerId: "customer-1",
      statuses: ["PAID"],
      limit: 1,
      after: null,
    } as const;
    assertEquals((await store.list(query)).items.length, 1);
    const gone = new AbortController();
    const reason = new Error("the caller has gone");
    const list = store.list(query, { signal: gone.signal });
    gone.abort(reason);
    assertEquals(await assertRejects(() => list), reason);
    await store.close();
  });
});
