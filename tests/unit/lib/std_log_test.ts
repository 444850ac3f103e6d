import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  BaseHandler,
  getLevelByName,
  getLevelName,
  type LevelName,
  Logger,
  type LogLevel,
  LogLevels,
  type LogRecord,
} from "@std/log";

class MemoryHandler extends BaseHandler {
  readonly records: LogRecord[] = [];
  readonly lines: string[] = [];

  override handle(record: LogRecord): void {
    this.records.push(record);
    super.handle(record);
  }
  override log(line: string): void {
    this.lines.push(line);
  }
}

Deno.test("levels have names and numbers in rising order", () => {
  assertEquals(LogLevels, {
    NOTSET: 0,
    DEBUG: 10,
    INFO: 20,
    WARN: 30,
    ERROR: 40,
    CRITICAL: 50,
  });
  for (const level of Object.values(LogLevels)) {
    assertEquals(getLevelByName(getLevelName(level)), level);
  }
  // What arrives from outside the type system must be refused too.
  assertThrows(() => getLevelByName("LOUD" as LevelName), Error);
  assertThrows(() => getLevelName(5 as LogLevel), Error);
});

Deno.test("a logger hands over what is at or above its level", () => {
  const handler = new MemoryHandler("NOTSET");
  const logger = new Logger("orders", "WARN", { handlers: [handler] });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  logger.critical("e");
  assertEquals(handler.lines, ["WARN c", "ERROR d", "CRITICAL e"]);
  logger.levelName = "CRITICAL";
  logger.error("f");
  logger.level = LogLevels.DEBUG;
  logger.debug("g");
  assertEquals(handler.lines.slice(3), ["DEBUG g"]);
  assertThrows(() => {
    logger.level = 7 as LogLevel;
  }, TypeError);
});

Deno.test("a handler has a level of its own", () => {
  const handler = new MemoryHandler("ERROR");
  const logger = new Logger("x", "DEBUG", { handlers: [handler] });
  logger.warn("a");
  logger.error("b");
  assertEquals(handler.lines, ["ERROR b"]);
  handler.levelName = "DEBUG";
  logger.debug("c");
  assertEquals(handler.lines, ["ERROR b", "DEBUG c"]);
  assertEquals([handler.level, handler.levelName], [10, "DEBUG"]);
});

Deno.test("a message is returned and a lazy one computed only when logged", () => {
  const handler = new MemoryHandler("DEBUG");
  const logger = new Logger("x", "ERROR", { handlers: [handler] });
  let computed = 0;
  const lazy = (): string => {
    computed++;
    return "expensive";
  };
  assertEquals(logger.debug(lazy), undefined);
  assertEquals(computed, 0);
  assertEquals(logger.error(lazy), "expensive");
  assertEquals(computed, 1);
  const same: string = logger.debug("below");
  assertEquals(same, "below");
});

Deno.test("messages of every type become text", () => {
  const handler = new MemoryHandler("DEBUG");
  const logger = new Logger("x", "DEBUG", { handlers: [handler] });
  logger.info(3);
  logger.info(5n);
  logger.info(null);
  logger.info(undefined);
  logger.info(Symbol("s"));
  logger.info({ a: "b", n: 1n });
  assertEquals(handler.lines, [
    "INFO 3",
    "INFO 5",
    "INFO null",
    "INFO undefined",
    "INFO Symbol(s)",
    'INFO {"a":"b","n":1}',
  ]);
  logger.error(new RangeError("out"));
  assertStringIncludes(handler.lines.at(-1) ?? "", "ERROR RangeError: out\n");
});

Deno.test("a record keeps a copy of its arguments and its time", () => {
  const handler = new MemoryHandler("DEBUG");
  const logger = new Logger("orders", "DEBUG", { handlers: [handler] });
  const before = Date.now();
  logger.info("m", 1, { a: 2 });
  const record = handler.records[0];
  assertEquals(record?.args, [1, { a: 2 }]);
  record?.args.push("not kept");
  record?.datetime.setTime(0);
  assertEquals(record?.args.length, 2);
  assertEquals((record?.datetime.getTime() ?? 0) >= before, true);
  assertEquals(
    [record?.level, record?.levelName, record?.loggerName],
    [20, "INFO", "orders"],
  );
});
