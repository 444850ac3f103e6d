import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { storeConformance } from "../../support/store_conformance.ts";

storeConformance("sqlite", async () => {
  const dir = await Deno.makeTempDir({ prefix: "oms-store-" });
  return {
    open: (owner, restored) =>
      openSqliteStore({
        dir,
        owner,
        restored,
        onFatal: (error) => {
          throw error;
        },
      }),
    dispose: () => Deno.remove(dir, { recursive: true }),
  };
});
