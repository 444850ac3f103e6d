/** Cuts a recorded run's power again and again, and looks at what is left each time. */
import { Random } from "../simulation/random.ts";
import type { Cut } from "./cuts.ts";
import { Disk, type Image } from "./disk.ts";
import { Replay } from "./replay.ts";
import type { TraceEvent } from "./trace.ts";

const SHARED_MEMORY_BYTES = 32 * 1024;

/** From a process's start to its end. */
export interface Life {
  readonly events: readonly TraceEvent[];
  /** What lay below the root at the end; without SQLite's shared memory. */
  readonly left: Image;
}

/** @throws Error when a life, played without a loss of power, does not give what it has left */
export function checkRecord(root: string, lives: readonly Life[]): void {
  const disk = new Disk(root);
  for (const life of lives) {
    const replay = new Replay(disk, (path) => leftOf(life, root, path));
    for (const event of life.events) replay.play(event);
    const replayed = disk.current();
    for (const path of new Set([...replayed.keys(), ...life.left.keys()])) {
      if (sameBytes(replayed.get(path), life.left.get(path))) continue;
      throw new Error(
        `The record is not whole: played without a loss of power it does not give ${path} as the process has left ` +
          `it (${
            difference(replayed.get(path), life.left.get(path))
          }); its last calls: ${lastCalls(life, path)}`,
      );
    }
  }
}

function leftOf({ left }: Life, root: string, path: string): Uint8Array {
  return left.get(path.slice(root.length + 1)) ?? new Uint8Array(0);
}

function sameBytes(
  a: Uint8Array | null | undefined,
  b: Uint8Array | null | undefined,
): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function difference(
  replayed: Uint8Array | null | undefined,
  left: Uint8Array | null | undefined,
): string {
  if (!replayed || !left) {
    return `${replayed ? "a file" : replayed} instead of ${
      left ? "a file" : left
    }`;
  }
  const at = replayed.findIndex((byte, index) => byte !== left[index]);
  return `${replayed.length} instead of ${left.length} bytes, first other byte ${at}`;
}

function lastCalls({ events }: Life, path: string): string {
  return events.flatMap(({ kind, call: { name, args, result } }, index) =>
    args.includes(`${path}>`)
      ? [`${index} ${kind} ${name}(… ${args.slice(-24)}) = ${result}`]
      : []
  ).slice(-12).join("; ");
}

/** @param look is given each cut, in order, with one image of the disk at that moment */
export async function losePower(
  root: string,
  lives: readonly Life[],
  cuts: readonly Cut[],
  random: Random,
  look: (cut: Cut, image: Image) => Promise<void>,
): Promise<void> {
  const disk = new Disk(root);
  const due = [...cuts];
  let at = 0;
  for (const life of lives) {
    const replay = new Replay(disk, (path) => leftOf(life, root, path));
    for (const event of life.events) {
      for (; due[0] !== undefined && due[0].at <= at; due.shift()) {
        await look(due[0], imageOf(disk, random));
      }
      replay.play(event);
      at++;
    }
  }
  for (const cut of due) await look(cut, imageOf(disk, random));
}

/** With SQLite's shared memory absent or in any state: nobody syncs it, nobody may rely on it. */
function imageOf(disk: Disk, random: Random): Image {
  const image = new Map(disk.image(random));
  for (const path of image.keys()) {
    if (!path.endsWith("-wal") || random.chance(1 / 2)) continue;
    const garbage = new Uint8Array(SHARED_MEMORY_BYTES);
    image.set(
      path.replace(/-wal$/, "-shm"),
      garbage.map(() => random.int(0, 255)),
    );
  }
  return image;
}

/** Puts an image into an empty folder. */
export async function writeImage(image: Image, folder: string): Promise<void> {
  for (const [path, bytes] of image) {
    if (bytes === null) await Deno.mkdir(`${folder}/${path}`);
    else await Deno.writeFile(`${folder}/${path}`, bytes);
  }
}
