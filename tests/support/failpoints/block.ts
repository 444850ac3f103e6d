/** Holds this thread for so long, in ms, as a machine that stands still does; it uses no core meanwhile. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
