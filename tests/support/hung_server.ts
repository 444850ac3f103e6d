/** A listener of this machine that accepts, reads nothing and answers nothing: a broker or a provider that hangs. */
export interface HungServer extends AsyncDisposable {
  /** Host and port. */
  readonly address: string;
  /** Those that it has accepted. */
  readonly connections: readonly Deno.Conn[];
}

export function hungServer(): HungServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}
