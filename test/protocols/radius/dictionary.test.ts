import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generate, readDictionary } from '../../../scripts/radius-dictionary.ts';
import { attributeNamed, attributeOf, numberOf, wordOf } from '../../../src/protocols/radius/dictionary.ts';
import { ATTRIBUTE_ROWS } from '../../../src/protocols/radius/dictionary-data.ts';
import { ERROR_CAUSES } from '../../../src/protocols/radius/dynamic.ts';

const GENERATED = new URL('../../../src/protocols/radius/dictionary-data.ts', import.meta.url);
/** Other releases have other files. On this one a missing package fails. */
const debian12 = readFileSync('/etc/os-release', 'utf8').includes('=bookworm');

describe('the dictionary of attributes', () => {
  it.skipIf(!debian12)(
    'is what scripts/radius-dictionary.ts makes of the files of Debian 12 (freeradius-common)',
    () => {
      expect(readFileSync(GENERATED, 'utf8')).toBe(generate(readDictionary));
    },
  );

  it('names every attribute once, and every number once', () => {
    const names = ATTRIBUTE_ROWS.map(([, , name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(ATTRIBUTE_ROWS.map(([vendor, type]) => `${vendor}.${type}`)).size).toBe(names.length);
    expect(names.length).toBeLessThan(500);
  });

  it('finds an attribute by its exact name, and by its numbers', () => {
    const activate = { name: 'ERX-Service-Activate', vendor: 4874, type: 65, format: 'string', tagged: true };
    expect(attributeNamed('ERX-Service-Activate')).toEqual(activate);
    expect(attributeOf(65, 4874)).toEqual(activate);
    expect(attributeOf(65)?.name).toBe('Tunnel-Medium-Type');
    expect(attributeNamed('erx-service-activate')).toBeUndefined();
    expect(attributeNamed('constructor')).toBeUndefined();
    expect(attributeOf(65, 4875)).toBeUndefined();
  });

  it('has what the dialects speak of', () => {
    for (const [name, vendor, type] of [
      ['Filter-Id', undefined, 11],
      ['NAS-Filter-Rule', undefined, 92],
      ['Cisco-AVPair', 9, 1],
      ['Cisco-Account-Info', 9, 250],
      ['Cisco-Command-Code', 9, 252],
      ['ERX-Service-Deactivate', 4874, 66],
      ['Alc-Subscriber-Filter', 6527, 134],
      ['Huawei-Data-Filter', 2011, 82],
      ['Huawei-HTTP-Redirect-URL', 2011, 140],
      ['Mikrotik-Address-List', 14988, 19],
      ['Forward-Policy', 2352, 92],
      ['HTTP-Redirect-Profile-Name', 2352, 107],
      ['CoovaChilli-Session-State', 14559, 15],
      ['Accel-VRF-Name', 55999, 1],
      ['NetElastic-HTTP-Redirect-URL', 54268, 140],
      ['ADSL-Agent-Circuit-Id', 3561, 1],
    ] as const)
      expect(attributeNamed(name), name).toMatchObject({ type, ...(vendor === undefined ? {} : { vendor }) });
    expect(attributeNamed('Tunnel-Password')).toMatchObject({ encrypted: true, tagged: true });
  });

  it('gives numbers their words and words their numbers', () => {
    expect(numberOf('Service-Type', 'Framed-User')).toBe(2);
    expect(wordOf('Service-Type', 2)).toBe('Framed-User');
    expect(numberOf('Filter-Id', 'Framed-User')).toBeUndefined();
    expect(numberOf('Service-Type', 'toString')).toBeUndefined();
  });

  it('knows every Error-Cause of RFC 5176 §3.6, and those added since', () => {
    expect(ERROR_CAUSES).toEqual({
      201: 'Residual-Context-Removed',
      202: 'Invalid-EAP-Packet',
      401: 'Unsupported-Attribute',
      402: 'Missing-Attribute',
      403: 'NAS-Identification-Mismatch',
      404: 'Invalid-Request',
      405: 'Unsupported-Service',
      406: 'Unsupported-Extension',
      407: 'Invalid-Attribute-Value',
      501: 'Administratively-Prohibited',
      502: 'Proxy-Request-Not-Routable',
      503: 'Session-Context-Not-Found',
      504: 'Session-Context-Not-Removable',
      505: 'Proxy-Processing-Error',
      506: 'Resources-Unavailable',
      507: 'Request-Initiated',
      508: 'Multiple-Session-Selection-Unsupported',
      509: 'Location-Info-Required',
      510: 'Missing-Message-Authenticator',
      601: 'Response-Too-Big',
    });
  });
});
