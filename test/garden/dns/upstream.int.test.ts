import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const UPSTREAM = join(import.meta.dirname, '../../../src/garden/dns/upstream.ts');
const COUNTERS = join(import.meta.dirname, '../../../src/garden/counters.ts');

it('a resolver without a route is silent, not the end of the process', () => {
  // A namespace of its own without any route but loopback: both families answer «unreachable» at once.
  const script = `
    import { Upstream } from ${JSON.stringify(UPSTREAM)};
    import { GardenCounters } from ${JSON.stringify(COUNTERS)};
    const servers = [{ address: '2001:db8::53', port: 53 }, { address: '192.0.2.53', port: 53 }];
    const upstream = new Upstream({ servers, counters: new GardenCounters(), attemptMs: 500 });
    const answer = await upstream.ask({ name: 'www.site.example', type: 1 });
    console.log(JSON.stringify(answer));
  `;
  const said = execFileSync('unshare', ['-n', process.execPath, '--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(JSON.parse(said)).toEqual({ ok: false, error: 'silent' });
});
