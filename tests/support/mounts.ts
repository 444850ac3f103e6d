/** Small or read-only file systems for tests of the disk. Needs Linux and root: ask `canMount` first. */
import { withTempDir } from "./temp_dir.ts";

function run(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

function mount(dir: string, options: string): boolean {
  return run("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir);
}

/** False too where the permission to ask is missing. */
export function isRoot(): boolean {
  try {
    return Deno.uid() === 0;
  } catch {
    return false;
  }
}

/** False where this process may not mount. */
export function canMount(): boolean {
  if (Deno.build.os !== "linux" || !isRoot()) return false;
  const dir = Deno.makeTempDirSync({ prefix: "oms-mount-" });
  const mounted = mount(dir, "size=64k");
  if (mounted) run("umount", dir);
  Deno.removeSync(dir);
  return mounted;
}

/** @param options of tmpfs, such as `size=2m` or `ro` */
export async function withMount(
  options: string,
  test: (dir: string) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    if (!mount(dir, options)) throw new Error(`cannot mount ${dir}`);
    try {
      await test(dir);
    } finally {
      run("umount", "--lazy", dir);
    }
  });
}
