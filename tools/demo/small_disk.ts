/**
 * A file system of a run's own whose space can be taken away and given back.
 *
 * It is a tmpfs whose size is changed: nothing has to be written to fill it.
 * Needs Linux and the right to mount (root). Invariant: disposing unmounts it;
 * with `keepIn` its files are copied out before.
 */
import { RefusedError } from "./refused_error.ts";
import { canMount } from "../../tests/support/mounts.ts";

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
    await run("mount", "-t", "tmpfs", "-o", `size=${AMPLE}`, "tmpfs", dir);
    return new SmallDisk(dir);
  }

  /** Leaves `spareKiB` of free space. */
  async shrink(spareKiB: number): Promise<void> {
    for (let tries = 1;; tries++) {
      const [, used = ""] = (await run("df", "--output=used", "-k", this.dir))
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
    if (this.keepIn !== null) await run("cp", "-a", this.dir, this.keepIn);
    await run("umount", "--lazy", this.dir);
  }

  async #resize(size: string): Promise<void> {
    await run("mount", "-o", `remount,size=${size}`, this.dir);
  }
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`Cannot ${command} ${args.join(" ")}: ${text(stderr)}`);
}
