import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FIRST_GENERATION } from "../../../src/orders/events.ts";
import { DatabaseSync } from "node:sqlite";
import {
  StoreFatalError,
  StoreOpenError,
} from "../../../src/storage/errors.ts";
import {
  openSqliteStore,
  type SqliteStoreOptions,
} from "../../../src/storage/sqlite.ts";
import { encodeChange } from "../../../src/storage/sqlite/encode.ts";
import { MIGRATIONS } from "../../../src/storage/sqlite/schema.ts";
import { openWriter } from "../../../src/storage/sqlite/open_writer.ts";
import { makeChange, makeDraft, makeOrder } from "../../support/fixtures.ts";
import { inlineWriter } from "../../support/inline_writer.ts";
import { canMount, isRoot, withMount } from "../../support/mounts.ts";
import { withTempDir } from "../../support/temp_dir.ts";

function open(dir: string, options: Partial<SqliteStoreOptions> = {}) {
  return openSqliteStore({ dir, owner: "test", onFatal() {}, ...options });
}

async function refusal(dir: string): Promise<string> {
  const error = await assertRejects(() => open(dir), StoreOpenError);
  return error.message;
}

/** Refused, with these words, and every file but the lock is as it was. */
async function refusedUntouched(
  dir: string,
  ...words: string[]
): Promise<void> {
  // A look may leave an empty log beside the file.
  const read = () =>
    ["oms.db", "oms.db-wal"].map((name) => {
      try {
        return Array.from(Deno.readFileSync(`${dir}/${name}`)).join();
      } catch {
        return "";
      }
    });
  const before = read();
  const message = await refusal(dir);
  for (const word of [`${dir}/oms.db`, ...words]) {
    assertStringIncludes(message, word);
  }
  assert(read().every((bytes, i) => bytes === before[i]), message);
  // The lock was given back: the same answer again, not "locked".
  assertEquals(await refusal(dir), message);
}

/** A file with these orders in it, cleanly closed. */
function writeFile(path: string, count: number, bytes = 10): string[] {
  const writer = openWriter({ path, owner: "maker", restored: false });
  const orders = Array.from({ length: count }, () => makeOrder());
  for (const order of orders) {
    const draft = makeDraft(order, { value: "x".repeat(bytes) });
    const change = makeChange({ orderInsert: order, outbox: [draft] });
    writer.applyBatch([encodeChange(change, FIRST_GENERATION)]);
  }
  writer.close();
  return orders.map((order) => order.id);
}

function setSchema(path: string, version: number, minCompatible: number) {
  const db = new DatabaseSync(path);
  db.exec(`UPDATE schema_info SET schema_version = ${version},
    min_compatible = ${minCompatible}`);
  db.close();
}

Deno.test("F30 missing directory: created for this user alone", async () => {
  await withTempDir(async (parent) => {
    const dir = `${parent}/a/b`;
    await (await open(dir)).close();
    if (Deno.build.os !== "windows") {
      assertEquals((Deno.statSync(dir).mode ?? 0) & 0o777, 0o700);
    }
  });
});

Deno.test("F30 the directory is a file, or below one: refused with its path", async () => {
  await withTempDir(async (parent) => {
    await Deno.writeTextFile(`${parent}/file`, "text");
    for (const dir of [`${parent}/file`, `${parent}/file/below`]) {
      const message = await refusal(dir);
      assertStringIncludes(message, dir);
      assertStringIncludes(message, "OMS_DATA_DIR");
    }
    assertEquals(await Deno.readTextFile(`${parent}/file`), "text");
  });
});

Deno.test({
  name: "F30 read-only directory: refused with its path and what to change",
  // Root writes anywhere but on a read-only mount, and others may not mount.
  ignore: Deno.build.os === "windows" || (isRoot() && !canMount()),
  fn: async () => {
    const check = async (dir: string) => {
      const message = await refusal(dir);
      assertStringIncludes(message, `${dir}/oms.lock`);
      assertStringIncludes(message, "make the directory writable");
    };
    if (isRoot()) return await withMount("ro", check);
    await withTempDir(async (dir) => {
      await Deno.chmod(dir, 0o500);
      await check(dir).finally(() => Deno.chmod(dir, 0o700));
    });
  },
});

Deno.test({
  name: "F30 no permission: refused with the path and what to change",
  permissions: { read: true, write: false, env: "inherit" },
  fn: async () => {
    const message = await refusal("/nowhere/oms");
    assertStringIncludes(message, "/nowhere/oms");
    assertStringIncludes(message, "access");
  },
});

Deno.test("F31 an empty file is a new store", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeFile(`${dir}/oms.db`, new Uint8Array());
    const store = await open(dir);
    await store.ping();
    await store.close();
  });
});

Deno.test({
  name:
    "F31 oms.db is a link to a disk that is not there: refused, the link stays",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withTempDir(async (dir) => {
      Deno.symlinkSync(`${dir}/disk/oms.db`, `${dir}/oms.db`);
      await refusedUntouched(dir, "link");
      assertEquals(Deno.readLinkSync(`${dir}/oms.db`), `${dir}/disk/oms.db`);
      Deno.mkdirSync(`${dir}/disk`);
      writeFile(`${dir}/disk/oms.db`, 1);
      await (await open(dir)).close();
    });
  },
});

Deno.test("F31 foreign file: refused, untouched", async () => {
  await withTempDir(async (dir) => {
    for (const text of ["short", "long ".repeat(5_000)]) {
      await Deno.writeTextFile(`${dir}/oms.db`, text);
      await refusedUntouched(dir, "not an SQLite database");
    }
  });
});

Deno.test("F31 another program's database: refused, untouched", async () => {
  await withTempDir(async (dir) => {
    const db = new DatabaseSync(`${dir}/oms.db`);
    db.exec("CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES ('x')");
    db.close();
    await refusedUntouched(dir, "another program");
  });
});

Deno.test("F31 corrupt header: refused, untouched", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    writeFile(path, 3);
    const good = Deno.readFileSync(path);
    // Magic, page size, write version, read version, schema format.
    const broken: readonly (readonly [number, string])[] = [
      [0, "header is broken"],
      [17, "damaged"],
      [18, "later SQLite"],
      [19, "later SQLite"],
      [47, "unsupported file format"],
    ];
    for (const [offset, words] of broken) {
      const bytes = good.slice();
      bytes[offset] = 0xff;
      Deno.writeFileSync(path, bytes);
      await refusedUntouched(dir, words);
    }
  });
});

Deno.test("F31 corrupt page: refused, untouched", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    writeFile(path, 100, 500);
    const bytes = Deno.readFileSync(path);
    bytes.fill(0xa5, bytes.length - 4_096, bytes.length - 2_048);
    Deno.writeFileSync(path, bytes);
    await refusedUntouched(dir, "damaged");
  });
});

Deno.test("F31 truncated file: refused, untouched", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    writeFile(path, 100, 500);
    const { size } = Deno.statSync(path);
    Deno.truncateSync(path, size - 8_192);
    await refusedUntouched(dir, "damaged");
  });
});

Deno.test("F31 truncated WAL: what was committed before the cut survives, and the store starts", async () => {
  await withTempDir(async (dir) => {
    const live = `${dir}/live.db`;
    const maker = { path: live, owner: "maker", restored: false };
    const writer = openWriter(maker, (db) => {
      // So that the log's size is what has been written since.
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return db;
    });
    const orders = Array.from({ length: 8 }, () => makeOrder());
    const ends = orders.map((orderInsert) => {
      writer.applyBatch([
        encodeChange(makeChange({ orderInsert }), FIRST_GENERATION),
      ]);
      return Deno.statSync(`${live}-wal`).size;
    });
    const main = Deno.readFileSync(live);
    const log = Deno.readFileSync(`${live}-wal`);
    writer.close();

    const cuts = ends.flatMap((end, i) => [
      { at: end, whole: i + 1 },
      { at: end - 1, whole: i },
      { at: end - 5_000, whole: i },
    ]);
    for (const [n, { at, whole }] of cuts.entries()) {
      const copy = `${dir}/${n}`;
      Deno.mkdirSync(copy);
      Deno.writeFileSync(`${copy}/oms.db`, main);
      Deno.writeFileSync(`${copy}/oms.db-wal`, log.subarray(0, at));
      const store = await open(copy, { startWriter: inlineWriter() });
      for (const [i, order] of orders.entries()) {
        assertEquals(await store.order(order.id), i < whole ? order : null);
      }
      await store.commit(makeChange({ orderInsert: makeOrder() }));
      await store.close();
    }
  });
});

Deno.test("F31 newer schema: refused with both versions, untouched, also when it is still in the WAL", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/oms.db`;
    writeFile(path, 3);
    setSchema(path, 9, 8);
    await refusedUntouched(
      dir,
      "version 9",
      "version 8",
      `knows ${MIGRATIONS.length}`,
    );

    const live = new DatabaseSync(path);
    live.exec(
      "UPDATE schema_info SET schema_version = 12, min_compatible = 11",
    );
    const copy = `${dir}/copy`;
    Deno.mkdirSync(copy);
    for (const name of ["oms.db", "oms.db-wal"]) {
      Deno.copyFileSync(`${dir}/${name}`, `${copy}/${name}`);
    }
    live.close();
    assert(Deno.statSync(`${copy}/oms.db-wal`).size > 0);
    await refusedUntouched(
      copy,
      "version 12",
      "version 11",
      `knows ${MIGRATIONS.length}`,
    );
  });
});

Deno.test("opening is given up when its signal aborts, and leaves the lock free", async () => {
  await withTempDir(async (dir) => {
    const reason = new Error("stopped while starting");
    const early = AbortSignal.abort(reason);
    assertEquals(
      await assertRejects(() => open(dir, { signal: early })),
      reason,
    );
    const controller = new AbortController();
    const opening = open(dir, { signal: controller.signal });
    controller.abort(reason);
    assertEquals(await assertRejects(() => opening), reason);
    const store = await open(dir);
    await store.ping();
    await store.close();
  });
});

Deno.test("a failed start of the writer gives the lock back", async () => {
  await withTempDir(async (dir) => {
    const fatal = new StoreFatalError("no thread");
    await assertRejects(
      () => open(dir, { startWriter: () => Promise.reject(fatal) }),
      StoreFatalError,
      "no thread",
    );
    await (await open(dir)).close();
  });
});
