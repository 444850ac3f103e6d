/**
 * crane, the registry client of go-containerregistry: what writes the image's layout. From the PATH, else built once
 * from the Go module proxy into .cache/bin.
 *
 * @module
 */
import { BuildError, ROOT, run } from "../build/project.ts";

const MODULE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1";

/** Path of crane, or null where neither it nor Go is. @throws BuildError when it cannot be built */
export async function findCrane(): Promise<string | null> {
  const built = `${ROOT}.cache/bin/crane`;
  for (const path of ["crane", built]) {
    if (await works(path, "version")) return path;
  }
  if (!await works("go", "version")) return null;
  await run("go", ["install", MODULE], {
    env: { GOBIN: `${ROOT}.cache/bin`, GOFLAGS: "-p=1" },
  });
  return built;
}

/** A registry on the loopback for as long as it is not disposed. */
export async function startRegistry(
  crane: string,
): Promise<AsyncDisposable & { readonly host: string }> {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const child = new Deno.Command(crane, {
    args: ["registry", "serve", "--address", host],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const end = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  if (!await answers(`http://${host}/v2/`)) {
    await end();
    throw new BuildError(`Cannot write an image: crane's registry is silent`);
  }
  return { host, [Symbol.asyncDispose]: end };
}

async function answers(url: string): Promise<boolean> {
  const end = performance.now() + 10_000;
  while (performance.now() < end) {
    try {
      const answer = await fetch(url);
      await answer.body?.cancel();
      if (answer.ok) return true;
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

async function works(program: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
