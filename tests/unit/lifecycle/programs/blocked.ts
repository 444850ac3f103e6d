// A service whose event loop blocks: blocked.ts MODE BLOCK_MS TERMINATION_LOG [full]
// It prints `ready`, and blocks when a line comes in on stdin. `full`: its stderr
// takes nothing any more, if nobody reads it.
import * as life from "@oms/lifecycle";

const [mode, blockMs, terminationLog, stderr] = Deno.args;
const log: life.LogFn = (level, msg, fields) =>
  console.log(JSON.stringify({ level, msg, ...fields }));
const lifecycle = life.createLifecycle({
  signals: life.denoSignals(),
  log,
  tasks: () => group.pending(),
  watchdog: life.startWatchdog({
    mode: mode === "kill" ? "kill" : "report",
    budgetMs: 200,
    terminationLog,
    log,
  }),
});
const group = new life.TaskGroup({
  name: "sagas",
  clock: life.systemClock,
  scope: lifecycle.hard,
  stopping: lifecycle.stopping,
});
const report = await lifecycle.run(async () => {
  lifecycle.ready([{
    name: "sagas",
    message: "sagas drained",
    budgetMs: 200,
    run: () => {},
  }]);
  const task = group.spawn("pay/ord_1", async ({ progress, signal }) => {
    progress("charge", { order_id: "ord_1" });
    await life.systemClock.sleep(60_000, signal);
  });
  if (stderr === "full") void Deno.stderr.write(new Uint8Array(1 << 20));
  // Longer than one interval of the idle mirror: the watchdog knows the task.
  await life.systemClock.sleep(1200);
  log("info", "ready", { pid: Deno.pid, task: task.name });
  await Deno.stdin.read(new Uint8Array(1));
  log("info", "blocking");
  const end = performance.now() + Number(blockMs);
  while (performance.now() < end);
});
life.exitWhenIdle(report, { log });
