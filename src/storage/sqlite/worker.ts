/**
 * Entry point of the store's worker. It inherits the permissions; Deno asks for leave to read src/storage, as
 * it does for the modules of every worker, beside the data directory.
 */
import { openForWriting } from "./database.ts";
import { serveWriter } from "./worker_server.ts";
import { SqliteWriter } from "./writer.ts";

serveWriter((path, owner) => new SqliteWriter(openForWriting(path), owner));
