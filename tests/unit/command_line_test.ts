/** What the sub-commands do with their arguments and their environment, each in a process of its own. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { dialled } from "../../src/app/cli/healthcheck.ts";
import { serviceCommand } from "../support/service_command.ts";
import { until } from "../support/until.ts";

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function oms(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Said> {
  const [program = "", ...words] = serviceCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    cwd: new URL("../../", import.meta.url),
    env: { LOG_FORMAT: "", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("--version prints deno.json's version, the commit, the base and the runtime", async () => {
  const { code, out } = await oms(["--version"]);
  assertEquals(code, 0);
  assert(
    /^oms (\S+) commit=\S+ base=(none|official|foreign) runtime=deno-[\d.]+\n$/
      .exec(out)?.[1] === manifest.version,
    out,
  );
});

Deno.test("an unknown sub-command, or an argument of serve, ends with 2 and names what there is", async () => {
  const unknown = await oms(["halthcheck"]);
  assertEquals([unknown.code, unknown.out], [2, ""]);
  assertStringIncludes(unknown.err, '"halthcheck"');
  assertStringIncludes(unknown.err, "healthcheck");
  assertEquals((await oms(["serve", "--port", "1"])).code, 2);
});

Deno.test("--help names every sub-command", async () => {
  const { code, out } = await oms(["--help"]);
  assertEquals(code, 0);
  for (const name of ["serve", "healthcheck", "config", "client", "load"]) {
    assert(new RegExp(`^  ${name} `, "m").test(out), name);
  }
});

Deno.test("--help behind a sub-command explains it and runs nothing", async () => {
  for (const name of ["serve", "healthcheck", "config"]) {
    for (const flag of ["--help", "-h"]) {
      const { code, out, err } = await oms([name, flag]);
      assertEquals([code, err], [0, ""], name);
      assert(new RegExp(`^Usage: oms \\[?${name}`).test(out), out);
    }
  }
});

Deno.test("config prints each value with its source, and no secret", async () => {
  const { code, out, err } = await oms(["config"], {
    OMS_GRPC_ADDR: ":7000",
    KAFKA_BROKERS: "b:9092",
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "u-hidden",
    KAFKA_SASL_PASSWORD: "p-hidden",
    OMS_GRPC_ADRR: "x",
  });
  assertEquals(code, 0, err);
  assert(/^OMS_GRPC_ADDR +env +0\.0\.0\.0:7000$/m.test(out), out);
  assert(/^OMS_LAME_DUCK +default +0s$/m.test(out), out);
  assert(/^OMS_PAYMENT_URL +unset$/m.test(out), out);
  assert(/^KAFKA_SASL_PASSWORD +env +\*\*\*$/m.test(out), out);
  assert(!/hidden/.test(out + err));
  assertStringIncludes(err, "did you mean OMS_GRPC_ADDR?");
});

Deno.test("config --json is the same for machines; mistakes end with 1, all of them named", async () => {
  const entries = JSON.parse((await oms(["config", "--json"])).out);
  assertEquals(
    entries.find(({ name }: { name: string }) => name === "OMS_LAME_DUCK"),
    { name: "OMS_LAME_DUCK", value: "0s", source: "default" },
  );
  const wrong = await oms(["config"], {
    OMS_LAME_DUCK: "soon",
    OMS_GRPC_ADDR: "nowhere",
  });
  assertEquals([wrong.code, wrong.out], [1, ""]);
  assertStringIncludes(wrong.err, "refused: OMS_LAME_DUCK");
  assertStringIncludes(wrong.err, "refused: OMS_GRPC_ADDR");
  assertEquals((await oms(["config", "--yaml"])).code, 2);
});

Deno.test("what serve refuses is logged as LOG_FORMAT asks for, also when that is a mistake itself", async () => {
  const wrong = { OMS_LAME_DUCK: "soon" };
  const text = await oms(["serve"], { ...wrong, LOG_FORMAT: "text" });
  assertEquals(text.code, 1);
  assert(/ERROR config {5}configuration refused variable/.test(text.out));
  const broken = await oms(["serve"], { ...wrong, LOG_FORMAT: "xml" });
  const refused = broken.out.trim().split("\n").map((line) =>
    JSON.parse(line).variable
  );
  assertEquals(refused, ["LOG_FORMAT", "OMS_LAME_DUCK"]);
});

Deno.test("healthcheck: 0 when /readyz answers 200, 1 with the reason otherwise", async () => {
  let status = 200;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response('{"state":"x"}', { status }),
  );
  const env = { OMS_METRICS_ADDR: `:${server.addr.port}` };
  const answered = async () => {
    let probe = await oms(["healthcheck"], env);
    // Its own two seconds may pass on a machine that pauses.
    await until("an answer in time", async () => {
      if (!/does not answer/.test(probe.err)) return true;
      probe = await oms(["healthcheck"], env);
      return false;
    });
    return probe;
  };
  assertEquals((await answered()).code, 0);
  status = 503;
  const draining = await answered();
  assertEquals(draining.code, 1);
  assertStringIncludes(draining.err, "503");
  const nobody = await oms(["healthcheck"], { OMS_METRICS_ADDR: ":1" });
  assertEquals(nobody.code, 1);
  assertStringIncludes(nobody.err, "does not answer");
  for (const address of [":0", "nonsense"]) {
    const { code, err } = await oms(["healthcheck"], {
      OMS_METRICS_ADDR: address,
    });
    assertEquals(code, 1);
    assertStringIncludes(err, "OMS_METRICS_ADDR");
  }
  assertEquals((await oms(["healthcheck", "now"])).code, 2);
});

Deno.test("F84 healthcheck asks no proxy, whatever the environment names", async () => {
  await using server = Deno.serve(
    // Both families, where the system has both.
    { port: 0, hostname: "::", onListen: () => {} },
    ({ headers }) => new Response(`asked ${headers.get("host")}`),
  );
  let proxied = 0;
  await using proxy = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => {
      proxied += 1;
      return new Response("proxied", { status: 502 });
    },
  );
  const { port } = server.addr;
  for (const scheme of ["http", "socks5"]) {
    const url = `${scheme}://user:word@127.0.0.1:${proxy.addr.port}`;
    const env: Record<string, string> = { NO_PROXY: "", no_proxy: "" };
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
      env[name] = env[name.toLowerCase()] = url;
    }
    for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
      const address = `${host}:${port}`;
      const probe = { ...env, OMS_METRICS_ADDR: address };
      // Its own two seconds may pass on a machine that pauses.
      let said = await oms(["healthcheck"], probe);
      await until("an answer in time", async () => {
        if (!/timed out/.test(said.err)) return true;
        said = await oms(["healthcheck"], probe);
        return false;
      });
      assertEquals(said, { code: 0, out: `asked ${address}\n`, err: "" });
    }
  }
  assertEquals(proxied, 0);
});

Deno.test("healthcheck asks a service on every interface by the loopback", () => {
  const of = (host: string) => dialled({ host, port: 9090 });
  assertEquals(of("0.0.0.0"), { host: "127.0.0.1", port: 9090 });
  assertEquals(of("::"), { host: "::1", port: 9090 });
  assertEquals(of("10.0.0.7"), { host: "10.0.0.7", port: 9090 });
});

Deno.test("client and load are the tools: a wrong command line is 2, help is 0", async () => {
  for (const tool of ["client", "load"]) {
    assertEquals((await oms([tool, "--no-such-flag"])).code, 2, tool);
    const help = await oms([tool, "--help"]);
    assertEquals(help.code, 0, tool);
    assertStringIncludes(help.out, `Usage: ${tool}`);
  }
});

Deno.test("load that meets nobody ends with 1 and names the address and the flag", async () => {
  const { code, err } = await oms(
    ["load", "--addr", ":1", "--rps", "10", "--duration", "100ms"],
  );
  assertEquals(code, 1);
  assertStringIncludes(err, "is the service at 127.0.0.1:1 running? --addr");
});

Deno.test("a signal ends a sub-command other than serve as it ends any program", async () => {
  // A server that never answers keeps healthcheck waiting.
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const [program = "", ...words] = serviceCommand();
  const child = new Deno.Command(program, {
    args: [...words, "healthcheck"],
    cwd: new URL("../../", import.meta.url),
    env: { OMS_METRICS_ADDR: `127.0.0.1:${silent.addr.port}` },
    stdout: "null",
    stderr: "null",
  }).spawn();
  using _connection = await silent.accept();
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 143);
});
