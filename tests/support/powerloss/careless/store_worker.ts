/** A store worker whose commits do not wait for the disk. */
import { openForWriting } from "../../../../src/storage/sqlite/database.ts";
import { serveWriter } from "../../../../src/storage/sqlite/worker_server.ts";
import { SqliteWriter } from "../../../../src/storage/sqlite/writer.ts";

serveWriter((path, owner) => {
  const db = openForWriting(path);
  const careless = Deno.env.get("POWERLOSS_CARELESS");
  if (careless === "OFF" || careless === "NORMAL") {
    db.exec(`PRAGMA synchronous = ${careless}`);
  }
  return new SqliteWriter(db, owner);
});
