/** Budgets of a stop whose phases a test holds open: a pause of the machine does not use them up meanwhile. */
export const NO_PHASE_ENDS = {
  OMS_GRPC_GRACEFUL_TIMEOUT: "10s",
  OMS_SAGA_DRAIN_TIMEOUT: "10s",
  OMS_OUTBOX_FLUSH_TIMEOUT: "10s",
  OMS_HTTP_SHUTDOWN_TIMEOUT: "10s",
  OMS_KAFKA_CLOSE_TIMEOUT: "10s",
  OMS_STORE_CLOSE_TIMEOUT: "10s",
  OMS_TERMINATION_GRACE: "90s",
} as const;
