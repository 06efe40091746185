// Homes that share IPv4 addresses, in one running lab: who goes into the garden, and that the address neighbour never notices.
import { expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { mirrored } from '../../src/lab/shared-scenes.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { browses, kernelGarden, knock, labOfThisFile, quarantine } from './scenes.ts';

const theLab = labOfThisFile({ homes: 0, sharedHomes: ['cgn', 'cgn', 'ds-lite', 'ds-lite'] });

const portalOf = (lab: Lab, home: number) =>
  lab.homes[home - 1]!.do<{ status: number; body: string }>('visit', {
    url: `https://${LAB_NAMES.portal}/en/`,
    ca: lab.site.caFile,
    family: 4,
  });

test.each([
  ['behind a CGN', 1, 2],
  ['with DS-Lite, behind the AFTR', 3, 4],
])(
  '%s the garden holds the inside address alone, and the portal knows the line by it',
  async (_name, neighbour, bot) => {
    const lab = await theLab();
    const { site, emergency } = lab.network.addresses;
    const [mine, other] = [lab.homes[bot - 1]!, lab.homes[neighbour - 1]!];
    const before = await mirrored(lab, lab.network.homes[neighbour - 1]!);
    expect((await mirrored(lab, lab.network.homes[bot - 1]!))?.address).toBe(before?.address);
    // As a sensor of the operator's reports it, in front of the NAT.
    const shown = await quarantine(lab, bot);
    expect(shown.proof.partial).toBe(false);
    const { ip4, prefix6 } = lab.network.homes[bot - 1]!;
    expect(await kernelGarden(lab)).toEqual(
      expect.arrayContaining([`strict ${ip4}`, `strict ${prefix6.split('/')[0]}`]),
    );
    for (const address of [site.ip4, site.ip6]) expect(await knock(mine, address, 9000)).toBe('refused');
    expect(await mine.do('udp', { address: emergency.ip4, port: 5060 }), 'the lifeline through all of it').toBe(
      'hello',
    );
    expect((await portalOf(lab, bot)).body).toContain(shown.case.checkCode);

    expect([await browses(other, 4), await browses(other, 6)]).toEqual([true, true]);
    expect((await mirrored(lab, lab.network.homes[neighbour - 1]!))?.address).toBe(before?.address);
    expect((await portalOf(lab, neighbour)).body).not.toContain(shown.case.checkCode);
  },
);
