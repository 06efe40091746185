// tshark as an independent decoder of our packets. Its own dictionaries lack part of the vendors' attributes, so it is handed
// those of FreeRADIUS as they are in Debian, and what two vendors publish themselves.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DICTIONARIES } from '../../../../scripts/radius-dictionary.ts';
import { pcapOf } from './pcap.ts';

const FILES = [
  ...['rfc2865', 'rfc2866', 'rfc2867', 'rfc2868', 'rfc2869', 'rfc3162', 'rfc3576', 'rfc4372', 'rfc4679', 'rfc4818'],
  ...['rfc4849', 'rfc5176', 'rfc6519', 'rfc6911', 'alcatel.sr', 'chillispot', 'cisco', 'ericsson.ab', 'erx', 'huawei'],
  ...['mikrotik', 'netelastic', 'wispr', 'zte'],
];
const PUBLISHED = `
VENDOR Accel-PPP 55999
BEGIN-VENDOR Accel-PPP
ATTRIBUTE Accel-VRF-Name 1 string
END-VENDOR Accel-PPP
BEGIN-VENDOR ChilliSpot
ATTRIBUTE CoovaChilli-Session-State 15 integer
ATTRIBUTE CoovaChilli-Session-Id 16 string
END-VENDOR ChilliSpot
`;

/**
 * Per packet what tshark shows of it, in order: `Name = value` or `Name:tag = value`; a name it does not know comes as
 * `Unknown-Attribute(7)`, and what it finds wrong as `! …`. It cuts its lines at 240 characters.
 */
export async function decodeWithTshark(packets: readonly Uint8Array[]): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-tshark-'));
  try {
    writeDictionary(join(folder, 'radius'));
    writeFileSync(join(folder, 'packets.pcap'), pcapOf(packets));
    const args = ['-r', join(folder, 'packets.pcap'), '-V', '-O', 'radius'];
    const output = await run('tshark', args, {
      PATH: process.env['PATH'],
      TZ: 'UTC',
      WIRESHARK_CONFIG_DIR: folder,
    });
    const shown = output.split(/^Frame \d+: /m).slice(1);
    if (shown.length !== packets.length) throw new Error(`tshark showed ${shown.length} of ${packets.length} packets`);
    return shown.map(attributesOf);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** tshark's reader of dictionaries knows neither fixed lengths nor `concat`. */
function writeDictionary(folder: string): void {
  mkdirSync(folder);
  const texts = FILES.map((file) => readFileSync(`${DICTIONARIES}/dictionary.${file}`, 'utf8'));
  const plain = texts
    .join('\n')
    .replaceAll(/(octets)\[\d+\]/g, '$1')
    .replaceAll(/^(ATTRIBUTE.*)\sconcat\s*$/gm, '$1');
  writeFileSync(join(folder, 'dictionary'), `${plain}\n${PUBLISHED}`);
}

function attributesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const wrong = /\[Expert Info \((?:Error|Warning)\/(?:Malformed|Protocol)\): (.*)\]$/.exec(line);
    if (wrong !== null) return [`! ${wrong[1]}`];
    const shown = /^\s+(?:AVP|VSA): t=(.+?)\(([\d.]+)\) l=\d+(?: Tag=0x([0-9a-f]+))?(?: val=(.*))?$/.exec(line);
    if (shown === null) return [];
    const [, name, number, tag, value] = shown;
    const full = name === 'Unknown-Attribute' ? `${name}(${number})` : name;
    return [`${full}${tag === undefined ? '' : `:${Number.parseInt(tag, 16)}`} = ${value ?? ''}`];
  });
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, args, { env, timeout: 30_000, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (complaint += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint}`);
  return output;
}
