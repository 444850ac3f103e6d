/** Logging, metrics and correlation ids of the service. */
export * from "./logger.ts";
export * from "./correlation.ts";
export * from "./metrics.ts";
