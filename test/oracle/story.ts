// node test/oracle/story.ts SEED ADDRESS PORT SECONDS: what really happened around that spot, what was said about it and what arrived.
import { formatIp, parseIp } from '../../src/core/net/ip.ts';
import { containsIp, formatPrefix } from '../../src/core/net/prefix.ts';
import { mutilate } from './mutilator.ts';
import { worldFrom } from './world.ts';

const [seed, address, port, seconds] = process.argv.slice(2);
const world = worldFrom(Number(seed));
const feeding = mutilate(world);
const ip = parseIp(address!)!;
const second = (ms: number) => (ms / 1000).toFixed(1);
const hasPort = (ranges: readonly { low: number; high: number }[] | undefined) =>
  ranges === undefined || ranges.some(({ low, high }) => low <= Number(port) && Number(port) <= high);

console.log(`world ${seed}, asked about ${seconds} s; translators' clocks ±${feeding.translatorSkewMs} ms`);
for (const one of world.truth.activities)
  if (containsIp(one.prefix, ip) && hasPort(one.ports))
    console.log(
      `there was ${one.accessKey} ${one.protocol ?? ''} ${second(one.fromMs)}–${second(one.toMs)} s (${one.mechanism})`,
    );
const sent = world.logged.filter(({ event }) => formatIp(event.outside) === address && hasPort([event.ports]));
const inside = new Set(sent.map(({ event }) => formatIp(event.inside.ip)));
for (const { trueMs, source, event } of sent.sort((a, b) => a.trueMs - b.trueMs)) {
  const got = feeding.events.filter(
    ({ value }) =>
      value.source === source &&
      value.kind === event.kind &&
      value.inside.ip === event.inside.ip &&
      value.ports === event.ports &&
      Math.abs(value.at - world.t0 - trueMs) < 60_000,
  );
  const came =
    got.length === 0
      ? 'LOST'
      : `came ${got.map((one) => second(one.arrivedMs)).join(', ')} as ${second(got[0]!.value.at - world.t0)}`;
  console.log(
    `${second(trueMs)} ${source} ${event.kind} ${event.protocol ?? ''} ${event.ports.low}-${event.ports.high} ${formatIp(event.inside.ip)}: ${came}`,
  );
}
const about = (prefixes: readonly { prefix: Parameters<typeof formatPrefix>[0] }[]) =>
  prefixes.some(({ prefix }) => containsIp(prefix, ip) || [...inside].some((one) => containsIp(prefix, parseIp(one)!)));
for (const { arrivedMs, value } of feeding.accounting)
  if (
    'prefixes' in value
      ? about(value.prefixes) && Math.abs(value.eventAt - world.t0 - Number(seconds) * 1000) < 3_600_000
      : true
  )
    console.log(
      `arrived ${second(arrivedMs)}: ${value.nas} ${value.realm} ${value.status} ${'sessionId' in value ? `${value.accessKey} ${value.sessionId} ${value.prefixes.map((one) => formatPrefix(one.prefix)).join(' ')} began ${value.startAt === undefined ? '-' : second(value.startAt - world.t0)}` : ''} at ${second(value.eventAt - world.t0)} lag ${value.clockLagMs ?? '-'}`,
    );
