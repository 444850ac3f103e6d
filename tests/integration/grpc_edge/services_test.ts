/** Health and reflection, by a real client. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthClient,
  type HealthListResponse,
} from "../../../src/grpc/gen/grpc/health/v1/health.ts";
import {
  ServerReflectionClient,
  ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../../src/grpc/gen/grpc/reflection/v1/reflection.ts";
import { ServerReflectionClient as AlphaClient } from "../../../src/grpc/gen/grpc/reflection/v1alpha/reflection.ts";
import { GrpcEdge } from "../../../src/grpc/edge.ts";
import { ListenError } from "../../../src/grpc/errors.ts";
import { fromServiceError } from "../../../src/grpc/status.ts";
import {
  orderAnswer,
  startEdge,
  type TestEdge,
} from "../../support/grpc_client.ts";
import { until } from "../../support/until.ts";

const serve = () => startEdge(() => Promise.resolve(orderAnswer("a")));

function healthClient(served: TestEdge): HealthClient & Disposable {
  const client = new HealthClient(
    served.address,
    credentials.createInsecure(),
    { "grpc.use_local_subchannel_pool": 1 },
  );
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

function check(client: HealthClient, service: string): Promise<ServingStatus> {
  return new Promise((resolve, reject) =>
    client.check(
      { service },
      (error, response) => error ? reject(error) : resolve(response.status),
    )
  );
}

Deno.test("Check follows setServing, for all and for the order service", async () => {
  await using served = await serve();
  using client = healthClient(served);
  for (const service of ["", "oms.v1.OrderService"]) {
    assertEquals(await check(client, service), ServingStatus.SERVING);
  }
  served.edge.setServing(false);
  for (const service of ["", "oms.v1.OrderService"]) {
    assertEquals(await check(client, service), ServingStatus.NOT_SERVING);
  }
});

Deno.test("Check of an unknown service is NOT_FOUND with ErrorInfo", async () => {
  await using served = await serve();
  using client = healthClient(served);
  const error: ServiceError = await check(client, "nobody").then(
    () => {
      throw new Error("it answered");
    },
    (error) => error,
  );
  assertEquals(error.code, status.NOT_FOUND);
  assertEquals(fromServiceError(error).reason, "SERVICE_UNKNOWN");
});

Deno.test("List names every service", async () => {
  await using served = await serve();
  using client = healthClient(served);
  const listed = await new Promise<HealthListResponse>((resolve, reject) =>
    client.list(
      {},
      (error, response) => error ? reject(error) : resolve(response),
    )
  );
  assertEquals(Object.keys(listed.statuses), ["", "oms.v1.OrderService"]);
  assertEquals(
    listed.statuses[""]?.status,
    ServingStatus.SERVING,
  );
});

Deno.test("Watch sends the present status, then each change once", async () => {
  await using served = await serve();
  using client = healthClient(served);
  const stream = client.watch({ service: "oms.v1.OrderService" });
  const seen: ServingStatus[] = [];
  const ended = new Promise((resolve) => stream.on("status", resolve));
  stream.on("data", (response) => seen.push(response.status));
  stream.on("error", () => {
    // Cancelled below.
  });
  await until("the first", () => seen.length === 1);
  served.edge.setServing(true);
  served.edge.setServing(false);
  await until("the second", () => seen.length === 2);
  served.edge.setServing(true);
  await until("the third", () => seen.length === 3);
  const { SERVING, NOT_SERVING } = ServingStatus;
  assertEquals(seen, [SERVING, NOT_SERVING, SERVING]);
  stream.cancel();
  await ended;
  await until("no call is open", () => served.edge.calls().length === 0);
});

Deno.test("changes that outrun a Watch are skipped, not queued; the last one arrives", async () => {
  await using served = await serve();
  using client = healthClient(served);
  const stream = client.watch({ service: "" });
  const seen: ServingStatus[] = [];
  const ended = new Promise((resolve) => stream.on("status", resolve));
  stream.on("data", (response) => seen.push(response.status));
  stream.on("error", () => {
    // Cancelled below.
  });
  await until("the first", () => seen.length === 1);
  for (let i = 0; i < 1_001; i++) served.edge.setServing(i % 2 === 1);
  await until("the last", () => seen.at(-1) === ServingStatus.NOT_SERVING);
  assert(seen.length < 10, `${seen.length} messages for one reader`);
  stream.cancel();
  await ended;
});

/** Sends requests one after the other; returns the answers. */
async function reflect(
  client: ServerReflectionClient | AlphaClient,
  requests: readonly Partial<ServerReflectionRequest>[],
): Promise<ServerReflectionResponse[]> {
  const stream = client.serverReflectionInfo();
  const answers: ServerReflectionResponse[] = [];
  const ended = new Promise<number>((resolve) =>
    stream.on("status", ({ code }) => resolve(code))
  );
  stream.on("data", (answer) => answers.push(answer));
  for (const request of requests) {
    stream.write(ServerReflectionRequest.fromPartial(request));
  }
  stream.end();
  assertEquals(await ended, status.OK);
  return answers;
}

for (const Client of [ServerReflectionClient, AlphaClient]) {
  Deno.test(`${Client.serviceName} lists, finds and refuses`, async () => {
    await using served = await serve();
    const client = new Client(served.address, credentials.createInsecure());
    try {
      const [list, symbol, method, file, extension, numbers, ...rest] =
        await reflect(client, [
          { listServices: "*" },
          { fileContainingSymbol: "oms.v1.OrderService" },
          { fileContainingSymbol: "oms.v1.OrderService.GetOrder" },
          { fileByFilename: "grpc/health/v1/health.proto" },
          {
            fileContainingExtension: {
              containingType: "google.protobuf.MethodOptions",
              extensionNumber: 72295728,
            },
          },
          { allExtensionNumbersOfType: "google.protobuf.MethodOptions" },
          { fileContainingSymbol: "oms.v1.Nothing" },
          {},
        ]);
      assertEquals(
        list?.listServicesResponse?.service.map(({ name }) => name),
        [
          "oms.v1.OrderService",
          "grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
        ],
      );
      const files = symbol?.fileDescriptorResponse?.fileDescriptorProto ?? [];
      assertEquals(files.length, 5, "the file and all that it imports");
      assert(files[0]?.includes("oms/v1/order_service.proto"));
      assertEquals(
        method?.fileDescriptorResponse?.fileDescriptorProto[0],
        files[0],
      );
      assert(file?.fileDescriptorResponse !== undefined);
      assert(extension?.fileDescriptorResponse !== undefined);
      assertEquals(numbers?.allExtensionNumbersResponse?.extensionNumber, [
        72295728,
      ]);
      assertEquals(rest.map((answer) => answer.errorResponse?.errorCode), [
        status.NOT_FOUND,
        status.INVALID_ARGUMENT,
      ]);
    } finally {
      client.close();
    }
  });
}

Deno.test("reflection that is off is UNIMPLEMENTED", async () => {
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer("a")),
    { reflection: false },
  );
  const client = new ServerReflectionClient(
    served.address,
    credentials.createInsecure(),
  );
  const stream = client.serverReflectionInfo();
  stream.on("error", () => {
    // Its code is in the status event.
  });
  stream.resume();
  const { code } = await new Promise<{ code: number }>((resolve) =>
    stream.on("status", resolve)
  );
  client.close();
  assertEquals(code, status.UNIMPLEMENTED);
});

Deno.test("F60 a port in use and an address that is not local are a ListenError that names them", async () => {
  await using served = await serve();
  const second = new GrpcEdge({ services: [] });
  const { message } = await assertRejects(
    () => second.start({ host: served.host, port: served.port }),
    ListenError,
  );
  assert(message.includes(`${served.host}:${served.port}`), message);
  await second.force();
  const third = new GrpcEdge({ services: [] });
  await assertRejects(
    () => third.start({ host: "192.0.2.1", port: 0 }),
    ListenError,
  );
  await third.force();
});
