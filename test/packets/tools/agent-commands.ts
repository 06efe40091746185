// What an agent can be told. Answers: `open`, `echo`, `listening`, an error code such as ECONNREFUSED, `closed` or `timeout`.
interface Target {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

export type AgentCommand =
  | { readonly do: 'tcp-listen' | 'udp-listen'; readonly host: string; readonly port: number }
  /** With an `id` the socket stays open for `tcp-say` and `udp-ask`. */
  | ({ readonly do: 'tcp-open'; readonly id?: string } & Target)
  | { readonly do: 'tcp-say'; readonly id: string; readonly text: string; readonly timeoutMs?: number }
  | ({ readonly do: 'udp-ask'; readonly id?: string; readonly text: string } & Target)
  /** One datagram from the socket that listens at `from`, as the next packet of a flow it knows. */
  | ({ readonly do: 'udp-push'; readonly from: { readonly host: string; readonly port: number } } & Target)
  | {
      readonly do: 'flood';
      readonly hosts: readonly string[];
      readonly port: number;
      readonly perSecond: number;
      readonly forMs: number;
    }
  /** `count` datagrams at once; nobody waits for answers. */
  | ({ readonly do: 'udp-burst'; readonly count: number } & Target)
  /** What the listeners saw since the last time it was asked. */
  | { readonly do: 'heard' }
  | { readonly do: 'close'; readonly id: string };
