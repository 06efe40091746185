// The story without a kernel: what the lab would show and how it would know. Every line is marked as not observed.
export const DRY_STORY: readonly string[] = [
  '  – not observed: two homes dial in (RADIUS accounting); both browse over IPv4 and IPv6',
  '  – not observed: a bot in home 2 logs in to a honeypot while somebody there is on an emergency call',
  '  – not observed: the report is durable, the line is found, the policy decides strict',
  '  – not observed: the gateway proves the garden element for the IPv4 address and the delegated IPv6 prefix',
  '  – not observed: packets: pack site answers; other sites, old streams, UDP and IPv6 do not; the call goes on; the neighbour is untouched',
  '  – not observed: a plain page leads to the portal, a secure page gets a TLS alert, the portal shows the check code',
  '  – not observed: steps, declaration, consent; refused while the scanner is still seen',
  '  – not observed: release to leaky, proven; the scanner’s ports stay closed; after three quiet days open',
  '  – not observed: the audit log verifies, and does not after one flipped bit',
];

export const DRY_RADIUS_STORY: readonly string[] = [
  '  – not observed: a second, simulated BNG that only speaks RADIUS; AAA lets its homes in; both browse over IPv4 and IPv6',
  '  – not observed: a bot in home 2 logs in to a honeypot while somebody there is on an emergency call',
  '  – not observed: report, line, decision; the BNG acknowledges one CoA, its accounting confirms it for both families',
  '  – not observed: packets: pack site and emergency service answer; other sites and old streams do not; the neighbour is untouched',
  '  – not observed: the BNG’s own redirect leads to the portal, which shows the check code',
  '  – not observed: a re-dial under a new address stays in the garden because AAA says so, with no CoA; Class tells accounting',
  '  – not observed: steps, declaration, consent; leaky by one CoA; after three quiet days open, the next login as before',
  '  – not observed: the BNG counted no doubled effect and no reused identifier',
  '  – not observed: the audit log verifies, and does not after one flipped bit',
];

export const DRY_SHARED_STORY: readonly string[] = [
  '  – not observed: six homes, three addresses: two homes behind a CGN, two with DS-Lite, two with MAP-E; all browse over IPv4 and IPv6',
  '  – not observed: a server outside sees each pair under one address, with ports of its block or port set',
  '  – not observed: bots in one home of each pair log in to a honeypot',
  '  – not observed: a report without a port is ambiguous: no case, nobody in the garden',
  '  – not observed: address and port lead over the CGN’s log and accounting to one line; its neighbour browses on',
  '  – not observed: the same over the AFTR’s log, which names a B4; the garden sees what comes out of the softwire',
  '  – not observed: the same by arithmetic for MAP-E; the gateway holds the address with the line’s ports alone',
  '  – not observed: the portal shows the check code to the bot’s household alone',
  '  – not observed: ports change hands; the same address and port name one household before and another one after',
  '  – not observed: the audit log verifies, and does not after one flipped bit',
];
