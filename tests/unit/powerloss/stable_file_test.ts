/** What a file may hold after a loss of power. */
import { assert, assertEquals } from "@std/assert";
import {
  SECTOR_BYTES,
  StableFile,
} from "../../support/powerloss/stable_file.ts";
import { Random } from "../../support/simulation/random.ts";

function write(file: StableFile, offset: number, text: string, ended = true) {
  const data = new TextEncoder().encode(text);
  file.change({ kind: "write", offset, data, ended });
}

function synced(file: StableFile): void {
  file.sync()();
}

/** All that a thousand losses have left. */
function images(file: StableFile): Set<string> {
  const random = new Random(1);
  return new Set(
    Array.from(
      { length: 1000 },
      () => new TextDecoder("latin1").decode(file.image(random)),
    ),
  );
}

Deno.test("what is synced is there, whatever happens", () => {
  const file = new StableFile();
  write(file, 0, "abc");
  write(file, 3, "def");
  synced(file);
  assertEquals(images(file), new Set(["abcdef"]));
  assertEquals(file.uncertain, 0);
});

Deno.test("what is not synced is there, is not there, or has only its size", () => {
  const file = new StableFile();
  write(file, 0, "ab");
  synced(file);
  write(file, 2, "cd");
  assertEquals(images(file), new Set(["ab", "abcd", "ab\0\0"]));
});

Deno.test("a sector never holds a later write without the earlier one", () => {
  const file = new StableFile();
  write(file, 0, "1");
  write(file, 1, "2");
  for (const image of images(file)) {
    assert(["", "\0", "\0\0", "1", "1\0", "12"].includes(image), image);
  }
});

Deno.test("a write over several sectors may be there in any of them", () => {
  const file = new StableFile();
  write(file, 0, "x".repeat(2 * SECTOR_BYTES));
  synced(file);
  write(file, 0, "y".repeat(2 * SECTOR_BYTES));
  const sectors = [...images(file)].map((image) =>
    `${image.charAt(0)}${image.charAt(SECTOR_BYTES)}`
  );
  assertEquals(sectors.sort(), ["xx", "xy", "yx", "yy"]);
});

Deno.test("a sync covers what had ended when it began, and only once it has ended", () => {
  const file = new StableFile();
  write(file, 0, "a");
  const sync = file.sync();
  write(file, 1, "b");
  assert(images(file).has(""));
  sync();
  assertEquals(file.uncertain, 1);
  assert(images(file).has("a"));
  assert(!images(file).has(""));
});

Deno.test("a write that runs while a sync begins is not covered", () => {
  const file = new StableFile();
  write(file, 0, "a", false);
  synced(file);
  assert(images(file).has(""));
});

Deno.test("a file that is cut short may be as long as before, and what was cut off does not come back later", () => {
  const file = new StableFile();
  write(file, 0, "abcd");
  synced(file);
  file.change({ kind: "resize", size: 2, ended: true });
  assertEquals(images(file), new Set(["abcd", "ab", "ab\0\0"]));
  file.change({ kind: "resize", size: 3, ended: true });
  assertEquals(new TextDecoder().decode(file.current()), "ab\0");
});
