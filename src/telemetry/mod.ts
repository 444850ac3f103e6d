/** Logging and metrics of the service. */
export * from "./logger.ts";
export * from "./metrics.ts";
