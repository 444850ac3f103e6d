import { assertRejects, assertThrows } from "@std/assert";
import {
  syncDirectory,
  syncDirectorySync,
} from "../../../src/storage/directory_sync.ts";
import { withTempDir } from "../../support/temp_dir.ts";

function folderThat(failsWith: string) {
  const fail = () => {
    throw Object.assign(new Error(failsWith), { code: failsWith });
  };
  return {
    syncSync: fail,
    sync: () => Promise.try(fail),
    [Symbol.dispose]: () => {},
  };
}

for (const code of ["EIO", "ENOSPC", "EDQUOT"]) {
  Deno.test(`a folder whose sync fails with ${code} is told`, async () => {
    const folder = folderThat(code);
    assertThrows(() => syncDirectorySync("/d", () => folder), Error, code);
    await assertRejects(
      () => syncDirectory("/d", () => Promise.resolve(folder)),
      Error,
      code,
    );
  });
}

Deno.test("a platform that does not sync folders is taken as it is", async () => {
  const folder = folderThat("EINVAL");
  syncDirectorySync("/d", () => folder);
  await syncDirectory("/d", () => Promise.resolve(folder));
  await withTempDir(async (dir) => {
    syncDirectorySync(`${dir}/missing`);
    await syncDirectory(`${dir}/missing`);
  });
});
