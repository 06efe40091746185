import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/core/net/ip.ts';
import { deleteArguments, isSteered, parseFlow } from '../../../src/protocols/nftables/conntrack.ts';
import { SPEC } from '../../helper/lab-gateway.ts';

const line = (text: string) => parseFlow(text)!;
const dns =
  'udp      17 29 src=192.0.2.5 dst=198.51.100.53 sport=40053 dport=53 [UNREPLIED] src=203.0.113.10 dst=192.0.2.5 sport=5353 dport=40053 mark=0 zone=7 use=1';
const web =
  'tcp      6 431999 ESTABLISHED src=192.0.2.5 dst=198.51.100.80 sport=50001 dport=80 src=203.0.113.10 dst=192.0.2.5 sport=8080 dport=50001 [ASSURED] mark=0 use=1';
const page = web.replace('dst=198.51.100.80', 'dst=203.0.113.10');
const call =
  'udp      17 179 src=192.0.2.5 dst=203.0.113.112 sport=5060 dport=5060 src=203.0.113.112 dst=203.0.113.1 sport=5060 dport=5060 [ASSURED] mark=0 use=1';

describe('which flows a release forgets', () => {
  it('reads a line of conntrack with its zone, state and both directions', () => {
    const flow = line(dns);
    expect([formatIp(flow.source), formatIp(flow.replySource), flow.replyPort, flow.zone]).toEqual([
      '192.0.2.5',
      '203.0.113.10',
      5353,
      7,
    ]);
    expect(line(web).established).toBe(true);
  });

  it.each([
    ['steered DNS', dns, true],
    ['a web connection that went to the portal instead', web, true],
    ['the page that says «released», on the portal’s own address', page, false],
    ['a call, masqueraded on the way out', call, false],
    ['a call to a peer that answers from a port like ours', call.replaceAll('port=5060', 'port=8080'), false],
    [
      'a steered flow whose target is a lifeline, whatever it looks like',
      web.replace('198.51.100.80', '203.0.113.112'),
      false,
    ],
    ['DNS that was not steered', dns.replace(' zone=7', '').replace('203.0.113.10', '198.51.100.53'), false],
  ])('%s', (_name, text, expected) => {
    expect(isSteered(SPEC, line(text))).toBe(expected);
  });

  it('deletes exactly one flow: both ends, both ports, its zone', () => {
    expect(deleteArguments(line(dns)).join(' ')).toBe(
      '-D -f ipv4 -p udp -s 192.0.2.5 -d 198.51.100.53 --sport 40053 --dport 53 -w 7',
    );
  });

  it('never throws on any line', () => {
    const near = fc.tuple(fc.constantFrom(dns, web, call), fc.nat(300), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          near.map(([text, at, s]) => text.slice(0, at) + s + text.slice(at + 1)),
        ),
        (text) => {
          parseFlow(text);
        },
      ),
      { numRuns: 300 },
    );
  });
});
