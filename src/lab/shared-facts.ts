// What packets and pages say about a pair of homes on one address while one of them is in the garden: everything closed that must be, the
// lifeline open throughout, and nothing of it at the neighbour's.
import type { Lab, Sighting } from './lab.ts';
import type { Narrator } from './narrator.ts';
import type { LabHome } from './network-plan.ts';
import type { Remote } from './remote.ts';
import { browse, CALL_GAP_MS, type CallState, type CaseShown, type Knock } from './scenes.ts';
import { mirrored, type Seen } from './shared-scenes.ts';
import { LAB_NAMES } from './site.ts';
import { waitFor } from './wait.ts';

const FAMILIES = [
  ['ip4', 4],
  ['ip6', 6],
] as const;
/** Packets of the call that must be heard after the garden closed. */
const HEARD_INSIDE = 10;
type Page = { readonly status: number; readonly body: string };

/** A call and streams that are open before anybody reports anything; the call over IPv4, through whatever carries it. */
export async function beforeTheReport(lab: Lab, bot: LabHome): Promise<void> {
  const { emergency, site } = lab.network.addresses;
  const at = remoteOf(lab, bot);
  await at.do('call.start', { address: emergency.ip4, port: 5060 });
  for (const [key] of FAMILIES) await at.do('stream.open', { key, address: site[key], port: 9000 });
}

export async function botIsInside(lab: Lab, say: Narrator, bot: LabHome): Promise<void> {
  const at = remoteOf(lab, bot);
  const { otherSite, honeypot, packSite } = lab.network.addresses;
  for (const [ip, family] of FAMILIES) {
    const [other, scanned, pack] = [
      await knock(at, otherSite[ip], 9000),
      await knock(at, honeypot[ip], 23),
      await knock(at, packSite[ip], 443),
    ];
    const stream = await waitFor(
      () => at.do<{ endedBy: string | null }>('stream.state', { key: ip }),
      ({ endedBy }) => endedBy !== null,
    );
    say.fact(
      `home ${bot.number}, IPv${family}: other sites, the scanner’s port and an old stream closed, the pack open`,
      isClosed(other) && isClosed(scanned) && stream.endedBy !== null && pack.outcome === 'open',
      `${other.outcome}, ${scanned.outcome}, ${stream.endedBy ?? 'alive'}, ${pack.outcome}`,
    );
  }
  const begun = (await at.do<CallState>('call.state')).heard;
  await waitFor(
    () => at.do<CallState>('call.state'),
    ({ heard }) => heard >= begun + HEARD_INSIDE,
  );
  const call = await at.do<CallState>('call.end');
  say.fact(
    'the emergency call goes on',
    call.heard >= begun + HEARD_INSIDE && call.longestGapMs < CALL_GAP_MS,
    `${call.heard} packets heard, longest gap ${call.longestGapMs} ms`,
  );
}

export interface NextDoor {
  readonly bot: LabHome;
  readonly neighbour: LabHome;
  /** How a server outside saw the neighbour before. */
  readonly before: Seen | undefined;
  readonly shown: CaseShown | undefined;
}

export async function neighbourBrowsesOn(lab: Lab, say: Narrator, parts: NextDoor): Promise<void> {
  const { bot, neighbour, before } = parts;
  const at = remoteOf(lab, neighbour);
  const after = await mirrored(lab, neighbour);
  const [four, six] = [await browse(at, 4), await browse(at, 6)];
  const scanned = await knock(at, lab.network.addresses.honeypot.ip4, 23);
  const isSame = after !== undefined && after.address === before?.address;
  say.fact(
    `home ${neighbour.number} browses on under the very same address, every port open`,
    four === 200 && six === 200 && scanned.outcome === 'open' && isSame,
    `${four}, ${six}, ${textOf(after)}`,
  );
  const code = parts.shown?.case.checkCode;
  const [own, other] = [await portalOf(lab, bot), await portalOf(lab, neighbour)];
  say.fact(
    'the portal shows the check code to the bot’s household, and nothing of it to the neighbour',
    code !== undefined && own.body.includes(code) && other.status === 200 && !other.body.includes(code),
    code ?? 'no code',
  );
}

export function textOf(seen: Seen | Sighting | undefined): string {
  if (seen === undefined) return 'nothing';
  return `${'peer' in seen ? seen.peer : seen.address} port ${seen.port}`;
}

function portalOf(lab: Lab, home: LabHome): Promise<Page> {
  const url = `https://${LAB_NAMES.portal}/en/`;
  return remoteOf(lab, home).do<Page>('visit', { url, ca: lab.site.caFile, family: 4 });
}

function knock(at: Remote, address: string, port: number): Promise<Knock> {
  return at.do<Knock>('tcp', { address, port });
}

function remoteOf(lab: Lab, { number }: LabHome): Remote {
  return lab.homes[number - 1]!;
}

function isClosed({ outcome }: Knock): boolean {
  return outcome !== 'open' && outcome !== 'silent';
}
