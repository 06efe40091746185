// hostapd as a NAS, in a namespace of its own, with wpa_supplicant as its subscriber in another: a strict server of CoA and
// Disconnect (Message-Authenticator and Event-Timestamp required), a real 802.1X session, real accounting. It has no CoA but
// for Hotspot 2.0, so it is for Disconnect and for what is refused. Nothing appears in this machine's own network: datagrams are
// carried in and out of the namespace by bridge.ts.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeNamespace } from '../../src/lab/network-orphans.ts';
import { inNamespace, mustRun, run } from '../../src/lab/network-process.ts';
import { waitFor } from '../../src/lab/wait.ts';
import { bridgeInto } from './bridge.ts';
import { Daemon } from './daemon.ts';

export interface HostapdOptions {
  readonly secret?: string;
  readonly nasIdentifier?: string;
  readonly userName?: string;
  /** Where its accounting goes; default nowhere. An address of this machine, loopback included. */
  readonly accounting?: { readonly address: string; readonly port: number; readonly secret: string };
  /** Not under 60. */
  readonly interimSeconds?: number;
}

export interface HostapdSession {
  readonly userName: string;
  readonly sessionId: string;
  readonly mac: string;
}

export interface Hostapd {
  /** Its server of CoA and Disconnect, as seen from here. */
  readonly address: string;
  readonly port: number;
  readonly secret: string;
  readonly nasIdentifier: string;
  /** undefined = nobody is logged in. */
  session(): Promise<HostapdSession | undefined>;
  /** The subscriber logs in (again); resolves with the session. */
  login(): Promise<HostapdSession>;
  log(): string;
  stop(): Promise<void>;
}

const DAS_PORT = 3799;
const ACCOUNTING_PORT = 1813;
const PASSWORD = 'a password for this test only';

export async function startHostapd(options: HostapdOptions = {}): Promise<Hostapd> {
  const undo: (() => Promise<unknown> | unknown)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await start(options, undo, stop);
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function start(options: HostapdOptions, undo: (() => unknown)[], stop: () => Promise<void>): Promise<Hostapd> {
  const {
    secret = 'a secret for this test only',
    nasIdentifier = 'bng.example.net',
    userName = 'subscriber',
    accounting,
  } = options;
  const folder = mkdtempSync(join(tmpdir(), `engawa-lab-${process.pid}-hostapd-`));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const [nas, home] = await twoNamespaces(undo);
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const users = write('users', `"${userName}" MD5 "${PASSWORD}"\n`);
  const facts = { folder, users, secret, nasIdentifier, accounting, interimSeconds: options.interimSeconds ?? 60 };
  const hostapdConfig = write('hostapd.conf', hostapdText(facts));
  const supplicantConfig = write('supplicant.conf', supplicantText(folder, userName));
  const inside = await bridgeInto(nas, undo);
  if (accounting !== undefined) await inside.carryOut(ACCOUNTING_PORT, accounting);
  const { port } = await inside.carryIn(DAS_PORT);

  const hostapd = daemonIn(nas, ['hostapd', '-d', '-t', hostapdConfig], undo);
  await hostapd.until(() => hostapd.output.includes('AP-ENABLED'));
  const supplicant = daemonIn(home, ['wpa_supplicant', '-D', 'wired', '-i', 'sup0', '-c', supplicantConfig], undo);
  await supplicant.until(() => supplicant.output.includes('CTRL-EVENT-CONNECTED'));

  const session = () => sessionOf(nas, join(folder, 'hostapd'));
  const login = async () => {
    for (const order of ['logoff', 'logon'])
      await mustRun(inNamespace(home, ['wpa_cli', '-p', join(folder, 'supplicant'), '-i', 'sup0', order]));
    return loggedIn(session);
  };
  await loggedIn(session);
  return {
    ...{ address: '127.0.0.1', port, secret, nasIdentifier },
    ...{ session, login, log: () => hostapd.output, stop },
  };
}

async function loggedIn(session: Hostapd['session']): Promise<HostapdSession> {
  const found = await waitFor(session, (one) => one !== undefined, 20_000);
  if (found === undefined) throw new Error('nobody logged in within 20 s');
  return found;
}

/** `das0` in the NAS's, `sup0` in the home's. Named as the lab names its own: what a killed run leaves is removed by the next. */
async function twoNamespaces(undo: (() => unknown)[]): Promise<readonly [nas: string, home: string]> {
  const id = `egw-${process.pid}-${randomBytes(4).toString('hex')}`;
  const [nas, home] = [`${id}-nas`, `${id}-home`];
  for (const name of [nas, home]) {
    await mustRun(['ip', 'netns', 'add', name]);
    undo.push(() => removeNamespace(name));
  }
  await mustRun(['ip', '-n', nas, 'link', 'set', 'lo', 'up']);
  await mustRun(['ip', '-n', nas, 'link', 'add', 'das0', 'type', 'veth', 'peer', 'name', 'sup0', 'netns', home]);
  await mustRun(['ip', '-n', nas, 'link', 'set', 'das0', 'up']);
  await mustRun(['ip', '-n', home, 'link', 'set', 'sup0', 'up']);
  return [nas, home];
}

/** `ip netns exec` becomes the program: the signal at the end is for itself. */
function daemonIn(namespace: string, argv: readonly string[], undo: (() => unknown)[]): Daemon {
  const [program, ...args] = inNamespace(namespace, argv);
  const daemon = new Daemon(`/usr/sbin/${program}`, args);
  undo.push(() => daemon.stop());
  return daemon;
}

async function sessionOf(nas: string, control: string): Promise<HostapdSession | undefined> {
  const { stdout } = await run(inNamespace(nas, ['hostapd_cli', '-p', control, '-i', 'das0', 'all_sta']));
  const [, mac] = /^([0-9a-f:]{17})$/m.exec(stdout) ?? [];
  const [, sessionId] = /^dot1xAuthSessionId=([0-9A-F]+)$/m.exec(stdout) ?? [];
  const [, userName] = /^dot1xAuthSessionUserName=(.+)$/m.exec(stdout) ?? [];
  if (mac === undefined || sessionId === undefined || userName === undefined || !stdout.includes('[AUTHORIZED]'))
    return undefined;
  return { mac, sessionId, userName };
}

interface Facts {
  readonly folder: string;
  readonly users: string;
  readonly secret: string;
  readonly nasIdentifier: string;
  readonly accounting: HostapdOptions['accounting'];
  readonly interimSeconds: number;
}

function hostapdText({ folder, users, secret, nasIdentifier, accounting, interimSeconds }: Facts): string {
  const accountingLines =
    accounting === undefined
      ? ''
      : `acct_server_addr=127.0.0.1
acct_server_port=${ACCOUNTING_PORT}
acct_server_shared_secret=${accounting.secret}
radius_acct_interim_interval=${interimSeconds}
`;
  return `interface=das0
driver=wired
ctrl_interface=${join(folder, 'hostapd')}
logger_stdout=-1
logger_stdout_level=0
ieee8021x=1
use_pae_group_addr=1
eap_server=1
eap_user_file=${users}
eap_reauth_period=0
own_ip_addr=127.0.0.1
nas_identifier=${nasIdentifier}
radius_das_port=${DAS_PORT}
radius_das_client=127.0.0.1 ${secret}
radius_das_time_window=300
radius_das_require_event_timestamp=1
radius_das_require_message_authenticator=1
${accountingLines}`;
}

function supplicantText(folder: string, userName: string): string {
  return `ctrl_interface=${join(folder, 'supplicant')}
ap_scan=0
network={
  key_mgmt=IEEE8021X
  eap=MD5
  identity="${userName}"
  password="${PASSWORD}"
  eapol_flags=0
}
`;
}
