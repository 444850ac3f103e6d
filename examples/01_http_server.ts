// A server, background jobs, an ordered stop. Run it, curl it, press Ctrl-C:
// deno run --allow-net=127.0.0.1 examples/01_http_server.ts [port]
import * as life from "@oms/lifecycle";

const signals = life.denoSignals(); // first: an earlier signal kills
const log: life.LogFn = (level, msg, fields) =>
  console.log(JSON.stringify({ level, msg, ...fields }));
const tasks = () => jobs.pending();
const lifecycle = life.createLifecycle({ signals, log, tasks });
life.installFatalHandlers(lifecycle);

const { hard: scope, stopping } = lifecycle;
const jobs = new life.TaskGroup({ name: "jobs", scope, stopping });

function accept(): Response {
  const work = (signal: AbortSignal) => life.systemClock.sleep(500, signal);
  const job = jobs.spawn(crypto.randomUUID(), ({ signal }) => work(signal));
  return new Response(`${job.name}\n`, { status: 202 });
}

const port = Number(Deno.args[0] ?? 8000);
const listen = { hostname: "127.0.0.1", port, onListen: () => {} };

const report = await lifecycle.run(async () => {
  const server = await lifecycle.start(
    "http",
    () => Deno.serve(listen, accept),
    (started) => started.shutdown(), // undone if a later part fails to start
  );
  lifecycle.ready([{
    name: "http",
    message: "http stopped",
    budgetMs: 1000,
    cutOff: true, // a request that takes longer: exit code 3
    run: () => server.shutdown(),
  }, life.drainPhase(jobs, { budgetMs: 2000 })]);
  log("info", "ready", { port: server.addr.port });
});
life.exitWhenIdle(report, { log });
