/**
 * A real Apache Kafka: one KRaft node on ports of its own, that a test may
 * stop, kill, pause and start again.
 *
 * Invariants: data and ports stay the same over restarts; disposing ends the
 * JVM that was started here and removes its directory, and the end of this
 * process does so in any case.
 * Not promised: more than one replica (cluster.ts), TLS, SASL
 * (secure_listeners.ts).
 */
import { KafkaSide } from "./kafka_side.ts";
import { Node } from "./node.ts";

/** Logged when the broker is unfenced and its ports are open. */
const READY = "Kafka Server started";
/** On a busy machine; warm it is 2.5 s. */
const START_MS = 90_000;

export class Broker extends KafkaSide implements AsyncDisposable {
  readonly dir: string;
  readonly #node: Node;

  /** @param address of its listener without TLS and SASL */
  constructor(dir: string, address: string, command: readonly string[]) {
    super(address, 1);
    this.dir = dir;
    this.#node = new Node(dir, command);
  }

  get running(): boolean {
    return this.#node.running();
  }

  get pid(): number {
    return this.#node.pid();
  }

  /** On the same data and ports; resolves when it serves. @throws BrokerError */
  start(): Promise<void> {
    return this.#node.start(READY, START_MS);
  }

  /** An orderly stop; within a second. */
  stop(): Promise<void> {
    return this.#node.stop();
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#node.kill();
  }

  /** SIGSTOP: connections are accepted by the kernel, nothing is answered. */
  pause(): void {
    this.#node.signal("SIGSTOP");
  }

  resume(): void {
    this.#node.signal("SIGCONT");
  }

  /** Whatever the test before has left: it serves now. @throws BrokerError */
  async ensureUp(): Promise<void> {
    if (this.running) this.resume();
    else await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.dir, { recursive: true });
  }
}
