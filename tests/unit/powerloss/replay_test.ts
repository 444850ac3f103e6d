/** A trace played onto a disk: names, positions, and what is refused. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Disk } from "../../support/powerloss/disk.ts";
import { Replay } from "../../support/powerloss/replay.ts";
import { parseTrace } from "../../support/powerloss/trace.ts";
import { Random } from "../../support/simulation/random.ts";

function hex(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

const DB = `30<${hex("/d/oms.db")}>`;
const WAL = `31<${hex("/d/oms.db-wal")}>`;
const FOLDER = `32<${hex("/d")}>`;
const MAKE = "O_RDWR|O_CREAT|O_CLOEXEC, 0644";

/** Played whole; `left`: what a killed process's file holds. */
function played(lines: readonly string[], left = ""): Disk {
  const disk = new Disk("/d");
  const replay = new Replay(disk, () => new TextEncoder().encode(left));
  const trace = lines.map((line) => `7 ${line}\n`).join("");
  for (const event of parseTrace(trace)) replay.play(event);
  return disk;
}

function text(bytes: Uint8Array | null | undefined): string | undefined {
  return bytes ? new TextDecoder().decode(bytes) : undefined;
}

/** Every combination of names that a hundred losses have left. */
function names(disk: Disk): Set<string> {
  const random = new Random(1);
  return new Set(
    Array.from(
      { length: 100 },
      () => [...disk.image(random).keys()].sort().join(" "),
    ),
  );
}

const opened = [
  `openat(AT_FDCWD, "${hex("/d/oms.db")}", ${MAKE}) = ${DB}`,
  `pwrite64(${DB}, "${hex("abcd")}", 4, 0) = 4`,
];

Deno.test("bytes are as written; a short write counts as far as it went", () => {
  const disk = played([
    ...opened,
    `pwrite64(${DB}, "${hex("xyz")}", 3, 1) = 2`,
    `ftruncate(${DB}, 3) = 0`,
    `pwrite64(${DB}, "${hex("!")}", 1, 0) = -1 ENOSPC (No space left)`,
  ]);
  assertEquals(text(disk.current().get("oms.db")), "axy");
});

Deno.test("a file without a position in its writes goes on where it was", () => {
  const disk = played([
    ...opened,
    `lseek(${DB}, 0, SEEK_END) = 4`,
    `write(${DB}, "${hex("ef")}", 2) = 2`,
    `writev(${DB}, [{iov_base="${hex("g")}", iov_len=1}, {iov_base="${
      hex("h")
    }", iov_len=1}], 2) = 2`,
  ]);
  assertEquals(text(disk.current().get("oms.db")), "abcdefgh");
});

Deno.test("a file that was opened for appending is written at its end, wherever it was read", () => {
  const append = MAKE.replace("O_CREAT", "O_CREAT|O_APPEND");
  const disk = played([
    `openat(AT_FDCWD, "${hex("/d/log")}", ${append}) = 30<${hex("/d/log")}>`,
    `write(30<${hex("/d/log")}>, "${hex("abcd")}", 4) = 4`,
    `lseek(30<${hex("/d/log")}>, 0, SEEK_SET) = 0`,
    `ftruncate(30<${hex("/d/log")}>, 2) = 0`,
    `write(30<${hex("/d/log")}>, "${hex("ef")}", 2) = 2`,
  ]);
  assertEquals(text(disk.current().get("log")), "abef");
});

Deno.test("a synced file is there only with its name", () => {
  const disk = played([...opened, `fsync(${DB}) = 0`]);
  assertEquals(names(disk), new Set(["", "oms.db"]));
});

Deno.test("a synced name stays; a file of that name keeps its own bytes uncertain", () => {
  const disk = played([...opened, `fsync(${FOLDER}) = 0`]);
  assertEquals(names(disk), new Set(["oms.db"]));
  const random = new Random(1);
  const sizes = new Set(
    Array.from({ length: 50 }, () => disk.image(random).get("oms.db")?.length),
  );
  assert(sizes.has(0) && sizes.has(4));
});

Deno.test("a sync that failed, or that nobody saw end, makes nothing certain", () => {
  for (const result of ["-1 EIO (Input/output error)", "?"]) {
    const disk = played([...opened, `fsync(${FOLDER}) = ${result}`]);
    assert(names(disk).has(""), result);
  }
});

Deno.test("a rename has happened or not; nothing of a folder whose name is not there is there", () => {
  const renamed = played([
    ...opened,
    `fsync(${FOLDER}) = 0`,
    `rename("${hex("/d/oms.db")}", "${hex("/d/new")}") = 0`,
  ]);
  assertEquals(names(renamed), new Set(["oms.db", "new"]));
  const nested = played([
    `mkdir("${hex("/d/a")}", 0700) = 0`,
    `openat(AT_FDCWD, "${hex("/d/a/f")}", ${MAKE}) = 30<${hex("/d/a/f")}>`,
    `fsync(33<${hex("/d/a")}>) = 0`,
  ]);
  assertEquals(names(nested), new Set(["", "a a/f"]));
});

Deno.test("a write that its process's end cut off is as long as what was left", () => {
  const disk = played([
    ...opened,
    `pwrite64(${DB}, "${hex("efgh")}", 4, 4 <unfinished ...>) = ?`,
    `fsync(${DB} <unfinished ...>`,
  ], "abcdef");
  assertEquals(text(disk.current().get("oms.db")), "abcdef");
});

Deno.test("SQLite's shared memory and other folders are left out", () => {
  const disk = played([
    `openat(AT_FDCWD, "${hex("/d/x-shm")}", ${MAKE}) = 30<${hex("/d/x-shm")}>`,
    `mmap(NULL, 9, PROT_READ, MAP_SHARED, 30<${hex("/d/x-shm")}>, 0) = 0x7f00`,
    `openat(AT_FDCWD, "${hex("/dx/y")}", ${MAKE}) = 30<${hex("/dx/y")}>`,
    `write(30<${hex("/dx/y")}>, "${hex("y")}", 1) = 1`,
    `fallocate(30<${hex("/dx/y")}>, 0, 0, 1) = 0`,
    `???( <unfinished ...>`,
    `--- SIGCHLD {si_signo=SIGCHLD} ---`,
    `+++ exited with 0 +++`,
  ]);
  assertEquals(disk.current().size, 0);
});

Deno.test("what is not modelled is refused", () => {
  for (
    const line of [
      `fallocate(${DB}, 0, 0, 4096) = 0`,
      `mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ${DB}, 0) = 0x7f00`,
      `io_uring_setup(8, 0x7f00) = 3`,
      `link("${hex("/d/oms.db")}", "${hex("/d/b")}") = 0`,
      `openat(AT_FDCWD, "${hex("/d/w")}", O_WRONLY|O_CREAT|O_TRUNC) = ${WAL}`,
      `openat(AT_FDCWD, "${hex("/d/w")}", O_RDWR) = ${WAL}`,
      `pwrite64(${DB}, "${hex("ab")}"..., 4096, 0) = 4096`,
      `no system call`,
    ]
  ) {
    assertThrows(() => played([...opened, line]), Error, "Cannot", line);
  }
});
