/** Reads without end, and says when the first answer is here. Arguments: address. */
import { createOrderClient } from "../../../src/grpc/client.ts";

const [address = ""] = Deno.args;
using client = createOrderClient(address);
const read = () =>
  client.listOrders({
    customerId: "customer-1",
    pageSize: 10,
    pageToken: "",
    filterStatuses: [],
  });
await read();
console.log("reading");
for (;;) await Promise.all([read(), read(), read()]);
