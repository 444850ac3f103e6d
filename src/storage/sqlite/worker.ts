/** Entry point of the store's worker; needs read permission for this file and for the data directory. */
import { openForWriting } from "./database.ts";
import { serveWriter } from "./worker_server.ts";
import { SqliteWriter } from "./writer.ts";

serveWriter((path, owner) => new SqliteWriter(openForWriting(path), owner));
