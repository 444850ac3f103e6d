import { assertEquals, assertRejects } from "@std/assert";
import { SmallDisk } from "../../../tools/demo/small_disk.ts";
import { canMount } from "../../support/mounts.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const MIB = new Uint8Array(1 << 20);

Deno.test(
  "a small disk is full when its space is taken away, works when it is given back, and keeps its files",
  { ignore: !canMount() },
  async () => {
    await withTempDir(async (dir) => {
      const kept = `${dir}/kept`;
      {
        await using disk = await SmallDisk.mount(`${dir}/disk`);
        const write = (name: string) =>
          Deno.writeFile(`${disk.dir}/${name}`, MIB);
        await write("before");
        await disk.shrink(64);
        await assertRejects(() => write("meanwhile"), Error, "os error 28");
        await disk.giveBack();
        await write("after");
        disk.keepIn = kept;
      }
      assertEquals([...Deno.readDirSync(`${dir}/disk`)], []);
      assertEquals(Deno.statSync(`${kept}/after`).size, MIB.length);
    });
  },
);
