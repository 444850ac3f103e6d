/**
 * A container without Docker: the image's root as PID 1 in PID and mount namespaces of its own, under the image's user,
 * with a read-only root and its volume.
 *
 * Invariants: only PID, mount and (when asked for) network are apart; the process that is signalled is the one that was
 * started here, by its pid outside of the namespace, never the 1 that its log names; when the test dies, so does it.
 * Not promised: cgroups, seccomp, a user namespace. Needs Linux, root and util-linux: ask `canContain` first.
 */
import { readDockerfile } from "../../scripts/image/dockerfile.ts";
import { canMount } from "./mounts.ts";
import { ServiceProcess } from "./service_process.ts";

/** What is run, and how. */
export interface ContainerOptions {
  /** Of scripts/image/root.ts. */
  readonly root: string;
  /** Folder of the host that is mounted as the image's volume. */
  readonly volume: string;
  /** Over the image's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** No network but a loopback of its own. */
  readonly alone?: boolean;
}

/** What a command in a container came to. */
export interface Executed {
  readonly code: number;
  readonly output: string;
}

/** False where this process may not make namespaces. */
export function canContain(): boolean {
  return canMount();
}

const IMAGE = readDockerfile();
const [UID = "", GID = ""] = IMAGE.user.split(":");

/** Read-only root, volume, /proc; then PID 1 is the entrypoint itself. $1 is the root, $2 the volume. */
const SETUP = `set -eu
[ "$3" = no ] || ip link set lo up
mount --bind "$1" "$1"
mount --bind "$2" "$1$4"
mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
root=$1; user=$5; shift 5
exec chroot --userspec="$user" "$root" "$@"`;

export class Container extends ServiceProcess {
  readonly #unshare: number;
  readonly #env: Readonly<Record<string, string>>;
  #pid: number | null = null;

  constructor(child: Deno.ChildProcess, env: Readonly<Record<string, string>>) {
    super(child);
    this.#unshare = child.pid;
    this.#env = env;
  }

  /** Of PID 1, as the host counts. */
  override get pid(): number {
    return this.#pid ??= childOf(this.#unshare) ?? this.#unshare;
  }

  /** As `docker exec`: in all of its namespaces, root and user. */
  exec(args: readonly string[]): Promise<Executed> {
    return this.#enter([
      ...["--pid", "--mount", "--net", "--root", "--wd"],
      ...["--setuid", UID, "--setgid", GID],
    ], args);
  }

  /** A program of the host in the container's network; SIGTERM ends it when the signal aborts. */
  beside(args: readonly string[], signal?: AbortSignal): Promise<Executed> {
    return this.#enter(["--net"], args, signal);
  }

  async #enter(
    namespaces: readonly string[],
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<Executed> {
    const { code, stdout, stderr } = await new Deno.Command("nsenter", {
      args: ["--target", String(this.pid), ...namespaces, "--", ...args],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", ...this.#env },
      stdin: "null",
      signal,
    }).output();
    const text = new TextDecoder();
    return { code, output: text.decode(stdout) + text.decode(stderr) };
  }
}

/** Starts the image's entrypoint without waiting for anything. */
export function spawnContainer(options: ContainerOptions): Container {
  const { root, volume, alone = false } = options;
  const env = { ...IMAGE.env, LOG_FORMAT: "json", ...options.env };
  Deno.mkdirSync(volume, { recursive: true });
  Deno.chownSync(volume, Number(UID), Number(GID));
  const child = new Deno.Command("unshare", {
    args: [
      ...["--pid", "--mount", "--fork", "--kill-child"],
      ...(alone ? ["--net"] : []),
      ...["sh", "-c", SETUP, "sh", root, volume, alone ? "yes" : "no"],
      ...[IMAGE.volumes[0] ?? "/data", IMAGE.user, ...IMAGE.entrypoint],
    ],
    clearEnv: true,
    // The image has no PATH either; the tools of the set-up need one.
    env: { PATH: Deno.env.get("PATH") ?? "", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Container(child, env);
}

/** Starts it and waits for its `ready` line. @throws Error with its output when that does not come */
export async function startContainer(
  options: ContainerOptions,
): Promise<Container> {
  const container = spawnContainer(options);
  try {
    await container.ready();
    return container;
  } catch (error) {
    await container.kill();
    throw error;
  }
}

function childOf(pid: number): number | null {
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", "pid=", "--ppid", String(pid)],
  }).outputSync();
  const first = new TextDecoder().decode(stdout).trim().split(/\s+/)[0] ?? "";
  return first === "" ? null : Number(first);
}
