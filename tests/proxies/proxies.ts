/**
 * nginx and haproxy, unprivileged, in front of two instances of the service.
 *
 * Each has two entries: `kept` keeps its connections to the instances, `fresh` opens one for every call. Retries are
 * the proxies' defaults: a connection that is refused is tried elsewhere, a call that has been sent is not repeated.
 *
 * Invariants: everything that it writes is in its own folder; disposing ends the one process that was started here.
 */
import { freePort } from "../support/free_port.ts";
import { until } from "../support/until.ts";

/** Ports of an instance on 127.0.0.1. */
export interface Instance {
  readonly grpc: number;
  readonly http: number;
}

export interface Proxy extends AsyncDisposable {
  /** `host:port` */
  readonly kept: string;
  readonly fresh: string;
  /** What it has said so far. */
  readonly output: readonly string[];
}

export const PROXIES = ["nginx", "haproxy"] as const;
export type ProxyName = typeof PROXIES[number];
/** Others open fresh connections until the port is closed. */
export const ASKS_READYZ = { nginx: false, haproxy: true } as const;

interface Setup {
  readonly dir: string;
  readonly kept: number;
  readonly fresh: number;
  readonly instances: readonly Instance[];
}

/** One process; who does not answer is left out for a second, not for ten: the next stop comes before. */
function nginx({ dir, kept, fresh, instances }: Setup): string {
  const servers = instances.map(({ grpc }) =>
    `server 127.0.0.1:${grpc} fail_timeout=1s;`
  ).join(" ");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`).join(" ");
  return `
daemon off; master_process off;
pid ${dir}/nginx.pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; ${temporary}
  upstream kept { ${servers} keepalive 16; }
  upstream fresh { ${servers} }
  server { listen 127.0.0.1:${kept} http2; location / { grpc_pass grpc://kept; } }
  server { listen 127.0.0.1:${fresh} http2; location / { grpc_pass grpc://fresh; } }
}
`;
}

function haproxy({ kept, fresh, instances }: Setup): string {
  const servers = instances.map(({ grpc, http }, i) =>
    `  server s${i} 127.0.0.1:${grpc} proto h2 check port ${http} inter 1s fastinter 200ms downinter 200ms rise 1`
  ).join("\n");
  const entry = (name: string, port: number, reuse: string) => `
frontend ${name}
  bind 127.0.0.1:${port} proto h2
  default_backend ${name}
backend ${name}
  http-reuse ${reuse}
  option httpchk GET /readyz
${servers}
`;
  return `
global
  maxconn 1000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout check 5s
  option redispatch
${entry("kept", kept, "safe")}${entry("fresh", fresh, "never")}`;
}

const COMMANDS = {
  nginx: (dir: string) => ["-p", dir, "-e", "stderr", "-c", `${dir}/config`],
  haproxy: (dir: string) => ["-db", "-f", `${dir}/config`],
};

/** Starts it and waits until both of its entries accept. */
export async function startProxy(
  name: ProxyName,
  dir: string,
  instances: readonly Instance[],
): Promise<Proxy> {
  await Deno.mkdir(dir);
  const setup = { dir, kept: freePort(), fresh: freePort(), instances };
  const config = name === "nginx" ? nginx(setup) : haproxy(setup);
  await Deno.writeTextFile(`${dir}/config`, config);
  const child = new Deno.Command(name, {
    args: COMMANDS[name](dir),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output: string[] = [];
  const read = [child.stdout, child.stderr].map(async (stream) => {
    const lines = stream.pipeThrough(new TextDecoderStream());
    for await (const text of lines) output.push(text.trimEnd());
  });
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await Promise.all([child.status, ...read]);
  };
  try {
    for (const port of [setup.kept, setup.fresh]) {
      await until(`${name} accepts`, () => accepts(port));
    }
  } catch (error) {
    await stop();
    throw new Error(output.join("\n"), { cause: error });
  }
  return {
    kept: `127.0.0.1:${setup.kept}`,
    fresh: `127.0.0.1:${setup.fresh}`,
    output,
    [Symbol.asyncDispose]: stop,
  };
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
