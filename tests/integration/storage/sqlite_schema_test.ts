import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { StoreOpenError } from "../../../src/storage/errors.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { openForWriting } from "../../../src/storage/sqlite/database.ts";
import { readSchema } from "../../../src/storage/sqlite/migrate.ts";
import {
  type Migration,
  MIGRATIONS,
} from "../../../src/storage/sqlite/schema.ts";
import { makeChange, makeOrder, nextVersion } from "../../support/fixtures.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const NOW = MIGRATIONS.length;
/** The release before still runs on what this one writes. */
const BEFORE = NOW - 1;
/** The next release's schema, expanded: a column that this release does not know. */
const NEXT: Migration = {
  version: NOW + 1,
  minCompatible: NOW,
  sql: "ALTER TABLE orders ADD COLUMN note TEXT",
};
const BROKEN: Migration = {
  version: NOW + 1,
  minCompatible: NOW,
  sql: "CREATE TABLE half (a TEXT) STRICT; CREATE TABLE half (a TEXT) STRICT",
};

function schemaOf(path: string) {
  const db = new DatabaseSync(path, { readOnly: true });
  const schema = readSchema(db);
  db.close();
  return schema;
}

async function addOrder(dir: string) {
  const order = makeOrder();
  const store = await openSqliteStore({ dir, owner: "test", onFatal() {} });
  await store.commit(makeChange({ orderInsert: order }));
  await store.close();
  return order;
}

Deno.test("migrations are numbered from 1 without gaps and never ask for a future release", () => {
  for (const [i, migration] of MIGRATIONS.entries()) {
    assertEquals(migration.version, i + 1);
    assertEquals(migration.minCompatible <= migration.version, true);
  }
});

Deno.test("F32 upgrade by one, back by one, and up again: nothing is lost, the file keeps the newer schema", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    const first = await addOrder(dir);
    assertEquals(schemaOf(path), { version: NOW, minCompatible: BEFORE });

    const upgraded = openForWriting(path, {
      migrations: [...MIGRATIONS, NEXT],
    });
    upgraded.prepare("UPDATE orders SET note = 'kept' WHERE id = ?")
      .run(first.id);
    upgraded.close();
    assertEquals(schemaOf(path), { version: NOW + 1, minCompatible: NOW });

    const store = await openSqliteStore({ dir, owner: "old", onFatal() {} });
    const second = makeOrder();
    const orderUpdate = nextVersion(first, { status: "CANCELED" });
    await store.commit(makeChange({ orderInsert: second }));
    await store.commit(makeChange({ orderUpdate }));
    assertEquals(await store.order(first.id), orderUpdate.order);
    await store.close();
    assertEquals(schemaOf(path), { version: NOW + 1, minCompatible: NOW });

    const again = openForWriting(path, { migrations: [...MIGRATIONS, NEXT] });
    const notes = again.prepare("SELECT note FROM orders ORDER BY id").all();
    again.close();
    assertEquals(notes.map((row) => row.note), ["kept", null]);
  });
});

Deno.test("F32 a schema that needs the next release is refused by this one", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    await addOrder(dir);
    const contracting = { ...NEXT, minCompatible: NOW + 1 };
    openForWriting(path, { migrations: [...MIGRATIONS, contracting] }).close();
    assertThrows(
      () => openForWriting(path),
      StoreOpenError,
      `has version ${NOW + 1} and needs a release that knows version ${
        NOW + 1
      }`,
    );
  });
});

Deno.test("F32 a migration that fails leaves the old schema whole", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    const order = await addOrder(dir);
    assertThrows(
      () => openForWriting(path, { migrations: [...MIGRATIONS, BROKEN] }),
      StoreOpenError,
    );
    assertEquals(schemaOf(path), { version: NOW, minCompatible: BEFORE });
    const store = await openSqliteStore({ dir, owner: "test", onFatal() {} });
    assertEquals(await store.order(order.id), order);
    await store.close();
    openForWriting(path, { migrations: [...MIGRATIONS, NEXT] }).close();
  });
});
