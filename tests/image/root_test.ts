/** What is in the image's root, and what is not. */
import { assert, assertEquals } from "@std/assert";
import { readDockerfile } from "../../scripts/image/dockerfile.ts";
import { parse } from "yaml";
import { versionLine } from "../../src/app/cli/command_line.ts";
import { parseDuration } from "../../src/config/duration.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { imageRoot } from "./image_root.ts";

const IMAGE = readDockerfile();
const EXECUTE = 0o111;
const SET_ID = 0o6000;

async function* files(dir: string, prefix = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(`${dir}/${prefix}`)) {
    const path = prefix + entry.name;
    if (entry.isDirectory) yield* files(dir, `${path}/`);
    else yield path;
  }
}

Deno.test("the program is the only one in the image: no shell, nothing setuid", async () => {
  const root = await imageRoot();
  const programs: string[] = [];
  for await (const path of files(root)) {
    const { mode = 0 } = await Deno.stat(`${root}/${path}`);
    assertEquals((mode ?? 0) & SET_ID, 0, path);
    const library = /\.so(\.\d+)*$/.test(path);
    if (((mode ?? 0) & EXECUTE) !== 0 && !library) programs.push(`/${path}`);
    assert(!/\/?(sh|bash|busybox|curl|wget)$/.test(path), path);
  }
  assertEquals(programs, [...IMAGE.entrypoint]);
});

Deno.test("the Dockerfile says what the platform has to know", () => {
  assertEquals(IMAGE.user, "65532:65532");
  assertEquals(IMAGE.stopSignal, "SIGTERM");
  assertEquals(IMAGE.volumes, ["/data"]);
  assertEquals(IMAGE.healthcheck, [...IMAGE.entrypoint, "healthcheck"]);
  assertEquals(IMAGE.env, {
    OMS_GRPC_ADDR: ":50051",
    OMS_METRICS_ADDR: ":9090",
    OMS_DATA_DIR: "/data",
  });
  assert(IMAGE.base.startsWith("gcr.io/distroless/cc"), IMAGE.base);
});

Deno.test("the Dockerfile's build ends when the program is not on the official base", async () => {
  const text = await Deno.readTextFile(
    new URL("../../Dockerfile", import.meta.url),
  );
  const pattern = /grep -q '([^']*)'/.exec(text)?.[1] ?? "";
  assert(text.includes("--version > /out/version"), text);
  assert(versionLine("official").includes(pattern), pattern);
  assert(!versionLine("foreign").includes(pattern), pattern);
});

Deno.test("compose.yaml gives the stop its grace, a read-only root and the volume", async () => {
  const text = await Deno.readTextFile(
    new URL("../../compose.yaml", import.meta.url),
  );
  const { oms } = parse(text).services;
  const grace = oms.environment.OMS_TERMINATION_GRACE ??
    VARIABLES.terminationGrace.fallback;
  const ms = (duration: string) => parseDuration(duration) ?? 0;
  assert(ms(grace) > 0 && ms(oms.stop_grace_period) >= ms(grace));
  assertEquals([oms.container_name, oms.read_only], ["oms", true]);
  assertEquals(oms.volumes, ["oms-data:/data"]);
});
