/** A store worker whose commits do not wait for the disk. */
import { openWriter } from "../../../../src/storage/sqlite/open_writer.ts";
import { serveWriter } from "../../../../src/storage/sqlite/worker_server.ts";

serveWriter((store) =>
  openWriter(store, (db) => {
    const careless = Deno.env.get("POWERLOSS_CARELESS");
    if (careless === "OFF" || careless === "NORMAL") {
      db.exec(`PRAGMA synchronous = ${careless}`);
    }
    return db;
  })
);
