/**
 * The service's entry point. The signal listeners come first and alone: a SIGTERM that finds no listener kills
 * the process, or is lost when it is PID 1. Everything else is imported after them.
 */
import { denoSignals } from "@oms/lifecycle/signals";

const signals = denoSignals();
const { runService } = await import("./src/app.ts");
await runService(signals);
