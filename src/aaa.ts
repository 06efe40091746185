// The wiring of AAA: how a login of a line in the garden is answered – asked by FreeRADIUS, written into its database, or by a
// server of our own. Part of serve.ts, which grew too long.
import { hash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { AaaServer } from './adapters/aaa/radius/server.ts';
import { SqlGroups } from './adapters/aaa/sql/groups.ts';
import { mariadb } from './adapters/aaa/sql/mariadb.ts';
import { postgres } from './adapters/aaa/sql/postgres.ts';
import type { Engine } from './compose.ts';
import type { NamedAttribute } from './core/dialect/dialect.ts';
import { loginAttributes } from './core/dialect/plan.ts';
import { prefixOf } from './core/net/prefix.ts';
import { everyAddress } from './every-address.ts';
import type { Json } from './flow/ports.ts';
import { createAaaRouter, type LoginNas, noLoginsYet } from './http/aaa/router.ts';
import { valuesOf } from './nas-gateways.ts';

export interface Aaa {
  /** The caller listens. */
  readonly postAuth?: Server;
  readonly server?: AaaServer;
  readonly groups?: SqlGroups;
  readonly counts: () => Readonly<Record<string, Json>>;
}

/** FreeRADIUS keeps its connections for a minute without using them. */
const KEEP_ALIVE_MS = 65_000;

/** Creates what is configured; starts nothing. */
export function createAaa(engine: Engine): Aaa {
  const asked = noLoginsYet();
  const [postAuth, server, groups] = [createPostAuth(engine, asked), createOwnServer(engine), createGroups(engine)];
  return {
    ...(postAuth && { postAuth }),
    ...(server && { server }),
    ...(groups && { groups }),
    counts: () => ({
      ...(postAuth && { postAuth: { ...asked } }),
      ...(server && { server: { ...server.counts() } }),
      ...(groups && { sql: { ...groups.standing() } }),
    }),
  };
}

function createPostAuth(engine: Engine, counts: ReturnType<typeof noLoginsYet>): Server | undefined {
  const { config, flow } = engine;
  const { postAuth } = config.aaa;
  if (postAuth === undefined) return undefined;
  const router = createAaaRouter({
    logins: flow.gardener.logins,
    keyHashes: postAuth.keys.map((key) => hash('sha256', key, 'hex')),
    nases: loginNases(engine),
    attributesFor: (gateway, access) => attributesFor(engine, gateway, access),
    clock: flow.clock,
    log: flow.log,
    counts,
  });
  const limits = { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: KEEP_ALIVE_MS };
  return createServer({ ...limits, maxHeaderSize: 16 * 1024 }, router);
}

function createOwnServer(engine: Engine): AaaServer | undefined {
  const { config, flow } = engine;
  const { server } = config.aaa;
  if (server === undefined) return undefined;
  return new AaaServer({
    listen: everyAddress(server.listen),
    clients: server.clients.map(({ gateway, ...client }) => (gateway === undefined ? client : { ...client, gateway })),
    userOf: (name) => server.users.get(name),
    logins: flow.gardener.logins,
    attributesFor: (gateway, access) => attributesFor(engine, gateway, access),
    log: flow.log,
  });
}

function createGroups(engine: Engine): SqlGroups | undefined {
  const { sql } = engine.config.aaa;
  if (sql === undefined) return undefined;
  const { kind, gateway, priority, ...access } = sql;
  return new SqlGroups({
    logins: engine.flow.gardener.logins,
    connect: kind === 'postgresql' ? postgres(access) : mariadb(access),
    attributesFor: (garden) => attributesFor(engine, gateway, garden),
    priority,
    log: engine.flow.log,
  });
}

/** The names and addresses a login may come under, with the key that joins its sessions to lines. */
function loginNases({ config }: Engine): readonly LoginNas[] {
  const clients = new Map(config.accounting.clients.map((client) => [client.name, client]));
  return config.nasGateways.flatMap(({ name, nasIdentities, address }) =>
    nasIdentities.flatMap((identity) => {
      const [client, behind] = identity.split('/', 2);
      const found = clients.get(client!);
      // What comes back in Class is ours: nobody logs in by it.
      if (found === undefined || found.accessKey === 'Class') return [];
      // Behind a proxy the NAS has a name of its own, and the proxy's address is not the NAS's.
      const from = behind === undefined ? [...found.from, prefixOf(address)] : [prefixOf(address)];
      return [{ identity: behind ?? identity, from, gateway: name, accessKey: found.accessKey }];
    }),
  );
}

/** By the gateway's own dialect and names; of a login whose NAS is not known nothing can be said. */
function attributesFor(
  { nasGateways }: Engine,
  gateway: string | undefined,
  access: 'strict' | 'leaky',
): readonly NamedAttribute[] {
  const found = nasGateways.find(({ config }) => config.name === gateway)?.config;
  return found === undefined ? [] : loginAttributes(found.dialect, access, valuesOf(found));
}
