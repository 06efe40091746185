// The wiring of AAA: how a login of a line in the garden is answered. Part of serve.ts, which grew too long.
import { hash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Engine } from './compose.ts';
import type { NamedAttribute } from './core/dialect/dialect.ts';
import { loginAttributes } from './core/dialect/plan.ts';
import { createAaaRouter, type LoginCounts, type LoginNas, noLoginsYet } from './http/aaa/router.ts';
import { valuesOf } from './nas-gateways.ts';

export interface Aaa {
  /** The HTTP side, when it is configured; the caller listens. */
  readonly postAuth?: Server;
  readonly counts: LoginCounts;
}

export function createAaa(engine: Engine): Aaa {
  const { config, flow } = engine;
  const counts = noLoginsYet();
  const { postAuth } = config.aaa;
  if (postAuth === undefined) return { counts };
  const router = createAaaRouter({
    logins: flow.gardener.logins,
    keyHashes: postAuth.keys.map((key) => hash('sha256', key, 'hex')),
    nases: loginNases(engine),
    attributesFor: (gateway, access) => attributesFor(engine, gateway, access),
    clock: flow.clock,
    log: flow.log,
    counts,
  });
  return {
    postAuth: createServer({ requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 16 * 1024 }, router),
    counts,
  };
}

/** The names a login may call its NAS by, with the key that joins its sessions to lines. */
function loginNases({ config }: Engine): readonly LoginNas[] {
  const kinds = new Map(config.accounting.clients.map((client) => [client.name, client.accessKey]));
  return config.nasGateways.flatMap(({ name, nasIdentities }) =>
    nasIdentities.flatMap((identity) => {
      const accessKey = kinds.get(identity);
      // What comes back in Class is ours: nobody logs in by it.
      return accessKey === undefined || accessKey === 'Class' ? [] : [{ identity, gateway: name, accessKey }];
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
