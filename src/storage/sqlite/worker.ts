/**
 * Entry point of the store's worker. It inherits the permissions; Deno asks for leave to read src/storage, as
 * it does for the modules of every worker, beside the data directory.
 */
import { openWriter } from "./open_writer.ts";
import { serveWriter } from "./worker_server.ts";

serveWriter(openWriter);
