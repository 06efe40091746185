// A restart on purpose: names of a strict line pass unsteered from the first moment of the stop, and are steered again after it.
import { expect, test } from 'vitest';
import { formatIp } from '../../src/core/net/ip.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { addressesOf } from '../../src/protocols/dns/answer.ts';
import { dnsClient, gardenOf, kernelGarden, kernelSet, labOfThisFile, quarantine, until } from './scenes.ts';

const theLab = labOfThisFile();
const HOME = 2;

test('invariant 6: a planned stop leaves no strict line without names, not even one that keeps its source port', async () => {
  const lab = await theLab();
  const { resolver, sink } = lab.network.addresses;
  const asks = await dnsClient(lab.homes[HOME - 1]!, resolver.ip4, 40_053);
  const look = async () => {
    const answer = await asks(LAB_NAMES.site, 'A');
    return answer === undefined
      ? 'nothing'
      : addressesOf(answer)
          .map(({ ip }) => formatIp(ip))
          .join();
  };
  await quarantine(lab, HOME);
  await until(look, (seen) => seen === sink.ip4);
  await lab.launcher.stop('main');
  expect(await kernelSet(lab, 'dns_alive')).toEqual([]);
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, HOME));
  expect(await look()).toBe(lab.network.addresses.site.ip4);
  await lab.launcher.startMain();
  await until(look, (seen) => seen === sink.ip4, 20_000);
}, 60_000);
