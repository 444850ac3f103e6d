// Loaded before the service: it then takes its runtime for one that is known to crash.
Object.defineProperty(Deno, "version", {
  value: { ...Deno.version, deno: "2.9.4" },
});
