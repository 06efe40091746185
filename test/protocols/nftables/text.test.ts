// Long transactions as nft's own text: the same commands, or nothing at all.
import { describe, expect, it } from 'vitest';
import {
  allowCommands,
  dnsAliveCommands,
  putCommands,
  removeCommands,
} from '../../../src/protocols/nftables/elements.ts';
import { elementsText } from '../../../src/protocols/nftables/text.ts';
import { ip, prefix, SPEC } from '../../helper/lab-gateway.ts';

const A = prefix('192.0.2.5');
const telnet = [{ protocol: 'tcp' as const, port: 23 }];

describe('elements as text', () => {
  it('says a put as it is meant: added with its timeout, then away from the other set', () => {
    const put = { prefix: A, access: 'strict' as const, abusedPorts: telnet, timeoutSeconds: 600 };
    expect(elementsText(putCommands(SPEC, [put]))?.split('\n')).toEqual([
      'add element inet engawa strict4 {192.0.2.5 timeout 600s}',
      'add element inet engawa abuse4 {192.0.2.5 . tcp . 23 timeout 600s}',
      'add element inet engawa abuse_in4 {192.0.2.5 . tcp . 23 timeout 600s}',
      'add element inet engawa leaky4 {192.0.2.5 timeout 600s}',
      'delete element inet engawa leaky4 {192.0.2.5}',
      '',
    ]);
  });

  it('leaves the other set alone where nothing can be in it', () => {
    const put = { prefix: A, access: 'leaky' as const, abusedPorts: [], timeoutSeconds: 60, isOtherAbsent: true };
    expect(elementsText(putCommands(SPEC, [put]))).toBe('add element inet engawa leaky4 {192.0.2.5 timeout 60s}\n');
  });

  it('writes removals, learned addresses and the port of DNS', () => {
    expect(elementsText(removeCommands(SPEC, [{ prefix: A }]))).toContain(
      'delete element inet engawa strict4 {192.0.2.5}',
    );
    const learned = allowCommands(SPEC, [{ pack: 'bank', ip: ip('203.0.113.80'), timeoutSeconds: 300 }]);
    expect(elementsText(learned)).toMatch(/\{203\.0\.113\.80 timeout 300s\}\n$/);
    expect(elementsText(dnsAliveCommands(SPEC))).toMatch(/\{53 timeout 60s\}\n$/);
  });

  it('has no words for anything but elements', () => {
    expect(elementsText([{ flush: { set: { family: 'inet', table: 'engawa', name: 'strict4' } } }])).toBeUndefined();
    expect(elementsText([{ add: { table: { family: 'inet', name: 'engawa' } } }])).toBeUndefined();
  });
});
