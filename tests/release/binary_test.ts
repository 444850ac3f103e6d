/** The compiled program by itself: nothing beside it, nothing but its data folder written, no test code inside. */
import { assert, assertEquals } from "@std/assert";
import { World } from "../shutdown/world.ts";
import { NO_SIGNALS } from "../shutdown/platform.ts";
import { serviceCommand } from "../support/service_command.ts";
import { startService } from "../support/service_process.ts";

const [BINARY = ""] = serviceCommand();
const CALLS = 50;

/** Whether a word stands in a file, in either case. */
async function contains(path: string, word: string): Promise<boolean> {
  const { code } = await new Deno.Command("grep", {
    args: ["--text", "--ignore-case", "--quiet", word, path],
  }).output();
  assert(code < 2, `grep failed on ${path}`);
  return code === 0;
}

Deno.test("no failpoint is in what is shipped, and the search would find one", async () => {
  assert(await contains(serviceCommand("failpoints")[0] ?? "", "failpoint"));
  assertEquals(await contains(BINARY, "failpoint"), false);
  assert(await contains(BINARY, "shutdown complete"));
});

Deno.test(
  "moved into an empty directory, with an empty home: serves, is healthy, drains under load, writes only its data",
  {
    ignore: NO_SIGNALS,
  },
  async () => {
    await using world = await World.create();
    const [home, temp, place] = await Promise.all(
      ["home", "temp", "place"].map(async (name) => {
        await Deno.mkdir(`${world.dir}/${name}`);
        return `${world.dir}/${name}`;
      }),
    );
    const program = `${place}/oms`;
    await Deno.copyFile(BINARY, program);
    const { env } = world.options();
    await using service = await startService({
      dataDir: world.dataDir,
      command: [program],
      cwd: place,
      env: { ...env, HOME: home ?? "", TMPDIR: temp ?? "", DENO_DIR: "" },
    });
    const probe = await new Deno.Command(program, {
      args: ["healthcheck"],
      cwd: place,
      clearEnv: true,
      env: { OMS_METRICS_ADDR: service.httpAddress },
    }).output();
    assertEquals(probe.code, 0, new TextDecoder().decode(probe.stderr));
    const client = world.client(service);
    const calls = Array.from({ length: CALLS }, () => world.create(client));
    await Promise.any(calls);
    const { code } = await service.stop();
    assertEquals(code, 0, service.output.slice(-20).join("\n"));
    await Promise.all(calls);
    world.assertLedger();
    const names = (dir = "") =>
      [...Deno.readDirSync(dir)].map(({ name }) => name);
    assertEquals([names(home), names(temp), names(place)], [[], [], ["oms"]]);
  },
);

Deno.test(
  "without a network of any kind it starts and stops: nothing is fetched",
  {
    ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  },
  async () => {
    await using world = await World.create();
    await using service = await startService({
      dataDir: world.dataDir,
      command: [
        "unshare",
        "--net",
        "sh",
        "-c",
        'ip link set lo up; exec "$0"',
        BINARY,
      ],
    });
    assertEquals((await service.stop()).code, 0);
  },
);
