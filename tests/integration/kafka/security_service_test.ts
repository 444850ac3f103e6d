/** The real service and a broker that does not let it in, or not onto a topic. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertLess,
  assertMatch,
} from "@std/assert";
import { setScramPassword } from "../../support/kafka/scram.ts";
import { metric, ServiceWorld } from "../../support/kafka/service_world.ts";
import { secureKafkaTest } from "../../support/kafka/shared.ts";
import type { ServiceProcess } from "../../support/service_process.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PASSWORD = "hunter2 for the service";
const REFUSED_LOGIN = /correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/;
/** OMS_OUTBOX_FLUSH_TIMEOUT and OMS_KAFKA_CLOSE_TIMEOUT, and the rest of a stop, in ms. */
const STOP_MS = 3_000 + 2_000 + 1_000;

/** Waits until log and health say why nothing is published. */
async function complains(
  service: ServiceProcess,
  about: RegExp,
): Promise<void> {
  await service.waitForLog(({ msg, error }) =>
    msg === "cannot publish events, the same batch follows" &&
    about.test(String(error))
  );
  await until("a health message that says why", async () => {
    const answer = await fetch(`http://${service.httpAddress}/healthz`);
    const { status, checks } = await answer.json();
    assertEquals(answer.status, 200);
    return status === "degraded" && about.test(checks.publisher.message);
  });
}

async function drained(service: ServiceProcess): Promise<void> {
  await until(
    "an empty outbox",
    async () => await metric(service, "oms_outbox_pending_records") === 0,
  );
}

Deno.test(secureKafkaTest(
  "F43 a user that the broker does not know, then not on a topic: the service serves, says what to change, stops in time, delivers once it may",
  async ({ broker, addresses, authority }) => {
    await using world = await ServiceWorld.create(broker, "f43-login");
    const user = `user-${crypto.randomUUID()}`;
    await withTempDir(async (dir) => {
      Deno.writeTextFileSync(`${dir}/password`, PASSWORD);
      Deno.writeTextFileSync(`${dir}/authority.pem`, authority);
      const env = {
        LOG_LEVEL: "debug",
        KAFKA_BROKERS: addresses.saslTls,
        KAFKA_TLS: "true",
        KAFKA_TLS_CA: `${dir}/authority.pem`,
        KAFKA_SASL_MECHANISM: "scram-sha-512",
        KAFKA_SASL_USERNAME: user,
        KAFKA_SASL_PASSWORD_FILE: `${dir}/password`,
      };
      const locked = await world.start({ env });
      const client = world.client(locked);
      const order = await world.createOrder(client);
      assert(order !== null && await world.pay(client, order));
      await complains(locked, REFUSED_LOGIN);
      await world.confirmed(client);
      const { code, awakeMs } = await locked.stop();
      assertEquals(code, 0);
      assertLess(awakeMs, STOP_MS);

      const service = await world.start({ env });
      await complains(service, REFUSED_LOGIN);
      await setScramPassword(broker.address, "scram-sha-512", user, PASSWORD);
      await service.waitForLog("publishing events again");
      await drained(service);

      const again = world.client(service);
      {
        await using _forbidden = await broker.forbidWrite(
          world.topics.order,
          user,
        );
        const other = await world.createOrder(again);
        assert(other !== null && await world.pay(again, other));
        await complains(service, /add an ACL/);
      }
      await world.confirmed(again);
      await drained(service);
      assertEquals((await service.stop()).code, 0);
      assertEquals(world.failed(), []);
      const { deadLetters } = await world.assertDelivered();
      assertEquals(deadLetters, 0);
      for (const { output } of [locked, service]) {
        const text = output.join("\n");
        assertMatch(text, /kafkajs:/);
        assertFalse(text.includes(PASSWORD), text);
      }
    });
  },
));
