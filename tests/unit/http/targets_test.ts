/** Which endpoint a request gets, whatever its Host header and its target say. */
import { assertEquals } from "@std/assert";
import type { Logger } from "../../../src/telemetry/logger.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import {
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";
import { ServedHttp } from "./fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const READY = 'HTTP/1.1 200 OK {"state":"Ready"}';
const BAD_HOST = "HTTP/1.1 400 Bad Request bad host\n";
const NOT_FOUND = "HTTP/1.1 404 Not Found not found\n";

/** Answers that Deno gives by itself, before any handler. */
const REFUSED = "HTTP/1.1 400 Bad Request ";

async function withServer(
  use: (served: ServedHttp) => Promise<void>,
): Promise<void> {
  const logged: string[] = [];
  const keep = (msg: string) => void logged.push(msg);
  const log: Logger = {
    ...silentLogger,
    warn: keep,
    error: keep,
    child: () => log,
  };
  const served = new ServedHttp({ log });
  await use(served);
  await served.server.stop();
  assertEquals(logged, []);
}

/** The status line and the body. */
async function ask(served: ServedHttp, head: string): Promise<string> {
  const answer = await served.ask(`${head}\r\nconnection: close\r\n\r\n`);
  const [status = ""] = answer.split("\r\n");
  return `${status} ${answer.slice(answer.indexOf("\r\n\r\n") + 4)}`;
}

Deno.test("F73 a Host header that names no host is 400, without a word in the log", async () => {
  await withServer(async (served) => {
    for (
      const host of [
        "h:99999",
        "a b",
        "[::1",
        "a%zz",
        "localhost/metrics?",
        "localhost/metrics#",
        "localhost\\metrics",
        "user@localhost",
        "http://localhost",
        "a,b",
        "h:80:80",
        "h:x",
        ":80",
        "[]",
        "[::1]x",
        "1.2.3.999",
        "[v1.x]",
        "h\u00e9",
        "<h>",
      ]
    ) {
      assertEquals(
        await ask(served, `GET /readyz HTTP/1.1\r\nHost: ${host}`),
        BAD_HOST,
        host,
      );
    }
  });
});

Deno.test("F73 any name of a host will do", async () => {
  await withServer(async (served) => {
    for (
      const host of [
        "localhost",
        "localhost:9090",
        "h:",
        "",
        "10.1.2.3:9090",
        "[::1]:9090",
        "[fe80::1]",
        "oms-0.oms.prod.svc.cluster.local:9090",
        "my_service",
        "OMS",
      ]
    ) {
      assertEquals(
        await ask(served, `GET /readyz HTTP/1.1\r\nHost: ${host}`),
        READY,
        host,
      );
    }
    // HTTP/1.0 has none, and a health check of HAProxy sends none.
    assertEquals(
      await ask(served, "GET /readyz HTTP/1.0"),
      READY.replace("1.1", "1.0"),
    );
  });
});

Deno.test("F73 two Host headers are refused", async () => {
  await withServer(async (served) => {
    const answer = await ask(
      served,
      "GET /readyz HTTP/1.1\r\nHost: a\r\nHost: b",
    );
    assertEquals(answer.slice(0, REFUSED.length), REFUSED);
  });
});

Deno.test("F73 the route is the path alone, byte for byte", async () => {
  await withServer(async (served) => {
    const targets: readonly (readonly [string, string])[] = [
      ["GET /readyz?/metrics", READY],
      ["GET /readyz?a=/metrics#/metrics", READY],
      ["GET http://other/readyz", READY],
      ["GET http://other:80/readyz?x", READY],
      ["GET http://other:99999/readyz", BAD_HOST],
      ["GET http://u:p@other/readyz", BAD_HOST],
      ["GET //readyz", NOT_FOUND],
      ["GET //other/readyz", NOT_FOUND],
      ["GET /readyz/", NOT_FOUND],
      ["GET /./readyz", NOT_FOUND],
      ["GET /x/../readyz", NOT_FOUND],
      ["GET /%72eadyz", NOT_FOUND],
      ["GET /readyz%3F", NOT_FOUND],
      ["GET /readyz;a", NOT_FOUND],
      ["GET http://other", NOT_FOUND],
      ["GET http://other?/readyz", NOT_FOUND],
      ["OPTIONS *", NOT_FOUND],
      ["GET *", REFUSED],
      ["GET readyz", REFUSED],
      ["GET ?/readyz", REFUSED],
    ];
    for (const [target, right] of targets) {
      assertEquals(
        await ask(served, `${target} HTTP/1.1\r\nHost: localhost`),
        right,
        target,
      );
    }
  });
});

Deno.test("F73 over h2c, too, the authority adds nothing to the path", async () => {
  await withServer(async (served) => {
    const statusOf = async (headers: Readonly<Record<string, string>>) => {
      using connection = await served.connect();
      const block = headerBlock({
        ":method": "GET",
        ":scheme": "http",
        ...headers,
      });
      const all = Flag.endStream | Flag.endHeaders;
      connection.send(
        PREFACE,
        frame(FrameType.settings, 0, 0),
        frame(FrameType.headers, all, 1, block),
      );
      let ended = false;
      void connection.closed.then(() => ended = true);
      const ofStream = () =>
        connection.frames().filter(({ stream }) => stream === 1);
      await until(
        "an answer",
        () =>
          ended ||
          ofStream().some(({ flags, type }) =>
            type === FrameType.rstStream || (flags & Flag.endStream) > 0
          ),
      );
      const data = ofStream().filter(({ type }) => type === FrameType.data);
      return data.map(({ payload }) => String(payload)).join("");
    };
    assertEquals(
      await statusOf({ ":authority": "a", ":path": "/readyz" }),
      '{"state":"Ready"}',
    );
    // Reset by Deno, or refused by us: never the metrics.
    const odd: readonly Readonly<Record<string, string>>[] = [
      { ":authority": "a/metrics?", ":path": "/readyz" },
      { ":authority": "a:99999", ":path": "/readyz" },
      { ":authority": "a", ":path": "/readyz", host: "a/metrics?" },
    ];
    for (const headers of odd) {
      const text = await statusOf(headers);
      assertEquals(["", "bad host\n"].includes(text), true, text);
    }
  });
});
