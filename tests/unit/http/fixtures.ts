/** An HTTP server for a test, and what its connections told. */
import type { ConnectionObserver } from "../../../src/http/listener.ts";
import type { HealthReport } from "../../../src/http/health.ts";
import {
  type HttpDeps,
  type HttpOptions,
  HttpServer,
} from "../../../src/http/server.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import type { HttpCloseCause } from "../../../src/telemetry/metrics.ts";
import { RawConnection } from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

export const HEALTHY: HealthReport = {
  status: "healthy",
  checks: { store: { status: "healthy", message: "well", duration_ms: 1 } },
  timestamp: "2026-12-01T00:00:00.000Z",
  version: "1",
  uptime_seconds: 1,
};

export class Told implements ConnectionObserver {
  openedCount = 0;
  readonly causes: (HttpCloseCause | null)[] = [];

  opened(): void {
    this.openedCount += 1;
  }

  closed(cause: HttpCloseCause | null): void {
    this.causes.push(cause);
  }

  get open(): number {
    return this.openedCount - this.causes.length;
  }
}

export class ServedHttp {
  readonly told = new Told();
  readonly server: HttpServer;
  readonly port: number;

  constructor(deps: Partial<HttpDeps> = {}, options: HttpOptions = {}) {
    this.server = new HttpServer({
      metrics: () => Promise.resolve("oms_sagas_stuck 0\n"),
      health: () => Promise.resolve(HEALTHY),
      state: () => "Ready",
      log: silentLogger,
      connections: this.told,
      ...deps,
    }, options);
    this.port = this.server.start("127.0.0.1", 0).port;
  }

  /** A connection that has said `text`, and nothing more. */
  async connect(text = ""): Promise<RawConnection> {
    const connection = await RawConnection.open("127.0.0.1", this.port);
    if (text !== "") say(connection, text);
    return connection;
  }

  /** Asks on a connection of its own; the status line and everything after it. */
  async ask(text: string): Promise<string> {
    using connection = await this.connect(text);
    await answered(connection);
    return String(connection.bytes);
  }
}

export function say(connection: RawConnection, text: string): void {
  // Latin-1, byte for byte: what is no HTTP has to be sayable.
  connection.send(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}

/** Resolves once a whole answer has come, or the connection has ended. */
export async function answered(connection: RawConnection): Promise<void> {
  let ended = false;
  void connection.closed.then(() => ended = true);
  await until("an answer", () => ended || isWhole(String(connection.bytes)));
}

function isWhole(answer: string): boolean {
  const body = answer.indexOf("\r\n\r\n") + 4;
  const [, length] = /content-length: (\d+)/i.exec(answer) ?? [];
  return length !== undefined && answer.length >= body + Number(length);
}
