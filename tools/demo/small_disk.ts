/**
 * A file system of a run's own whose space can be taken away and given back.
 *
 * It is a tmpfs whose size is changed: nothing has to be written to fill it.
 * Needs Linux and the right to mount (root). Invariant: disposing unmounts it;
 * with `keepIn` its files are copied out before.
 */
import { canMount } from "../../tests/support/mounts.ts";
import { run } from "../../tests/support/run_program.ts";
import { RefusedError } from "./refused_error.ts";

/** More than any run writes; a tmpfs takes memory only for what is in it. */
const AMPLE = "2g";
const RESIZE_TRIES = 20;

export class SmallDisk implements AsyncDisposable {
  readonly dir: string;
  /** Folder that the files are copied to when it is disposed. */
  keepIn: string | null = null;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Mounts at `dir`, which must not exist yet. @throws RefusedError */
  static async mount(dir: string): Promise<SmallDisk> {
    if (!canMount()) {
      throw new RefusedError(
        "Cannot take disk space away: it needs Linux and the right to mount (root)",
      );
    }
    await Deno.mkdir(dir, { mode: 0o700 });
    await must("mount", "-t", "tmpfs", "-o", `size=${AMPLE}`, "tmpfs", dir);
    return new SmallDisk(dir);
  }

  /** Leaves `spareKiB` of free space. */
  async shrink(spareKiB: number): Promise<void> {
    for (let tries = 1;; tries++) {
      const [, used = ""] = (await must("df", "--output=used", "-k", this.dir))
        .split("\n");
      try {
        return await this.#resize(`${Number(used) + spareKiB}k`);
      } catch (error) {
        // More was written since the look: it is refused then.
        if (tries === RESIZE_TRIES) throw error;
      }
    }
  }

  async giveBack(): Promise<void> {
    await this.#resize(AMPLE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.keepIn !== null) await must("cp", "-a", this.dir, this.keepIn);
    await must("umount", "--lazy", this.dir);
  }

  async #resize(size: string): Promise<void> {
    await must("mount", "-o", `remount,size=${size}`, this.dir);
  }
}

async function must(program: string, ...args: string[]): Promise<string> {
  const ran = await run(program, args);
  if (ran?.success) return ran.stdout;
  const why = ran?.stderr ?? "there is no such program";
  throw new Error(`Cannot ${program} ${args.join(" ")}: ${why}`);
}
