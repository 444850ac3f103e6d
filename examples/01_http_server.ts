// A server, background jobs, an ordered stop. Run it, curl it, press Ctrl-C:
// deno run --allow-net=127.0.0.1 examples/01_http_server.ts [port]
import * as life from "@oms/lifecycle";

const signals = life.denoSignals();
const log: life.LogFn = (level, msg, fields) =>
  console.log(JSON.stringify({ level, msg, ...fields }));
const tasks = () => jobs.pending();
const lifecycle = life.createLifecycle({ signals, log, tasks });

const { hard: scope, stopping } = lifecycle;
const clock = life.systemClock;
const jobs = new life.TaskGroup({ name: "jobs", clock, scope, stopping });

function accept(): Response {
  const job = jobs.spawn(crypto.randomUUID(), ({ signal, progress }) => {
    progress("working");
    return clock.sleep(500, signal);
  });
  return new Response(`${job.name}\n`, { status: 202 });
}

const listen = {
  hostname: "127.0.0.1",
  port: Number(Deno.args[0] ?? 8000),
  onListen: ({ port }: Deno.NetAddr) => log("info", "listening", { port }),
};

const report = await lifecycle.run(async () => {
  const server = await lifecycle.start(
    "http",
    () => Deno.serve(listen, accept),
    (started) => started.shutdown(),
  );
  lifecycle.ready([{
    name: "http",
    message: "http stopped",
    budgetMs: 1000,
    run: () => server.shutdown(),
  }, {
    name: "jobs",
    message: "jobs drained",
    budgetMs: 2000,
    run: (_signal, deadline) => (jobs.close(), jobs.join(deadline)),
    scope, // aborted when the budget ends
    cutOff: true, // and then the exit code is 3
  }]);
});
life.exitWhenIdle(report, { log });
