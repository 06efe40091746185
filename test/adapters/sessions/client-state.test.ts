import { describe, expect, it } from 'vitest';
import type { AccountingClient } from '../../../src/adapters/sessions/accounting/client.ts';
import { ClientBook } from '../../../src/adapters/sessions/accounting/client-book.ts';
import { ClientState } from '../../../src/adapters/sessions/accounting/client-state.ts';
import { Inbox } from '../../../src/adapters/sessions/accounting/inbox.ts';
import { prefix } from '../../core/line/records.ts';

const client = (name: string, more: Partial<AccountingClient> = {}): AccountingClient => ({
  name,
  from: [prefix('192.0.2.0/24')],
  secrets: [new Uint8Array(16)],
  accessKey: 'User-Name',
  realm: 'main',
  interimSeconds: 600,
  ...more,
});

describe('what a client may send', () => {
  it('is its rate, a second of it at once, and again as time passes', () => {
    let now = 0;
    const state = new ClientState(client('bng1', { packetsPerSecond: 10 }), () => now);
    const passed = (tries: number) => {
      let count = 0;
      for (let i = 0; i < tries; i++)
        if (state.mayPass()) {
          state.pass();
          count++;
        }
      return count;
    };
    expect(passed(50)).toBe(10);
    now = 500;
    expect(passed(50)).toBe(5);
    now = 60_000;
    expect(passed(50)).toBe(10);
  });

  it('is not used up by what only claims to be from it', () => {
    const state = new ClientState(client('bng1', { packetsPerSecond: 1 }), () => 0);
    for (let i = 0; i < 100; i++) expect(state.mayPass()).toBe(true);
  });

  it('is remembered with when it last went wrong', () => {
    let now = 0;
    const state = new ClientState(client('bng1'), () => now);
    expect(state.agoMs('over-rate')).toBeUndefined();
    state.count('over-rate');
    now = 700;
    expect(state.agoMs('over-rate')).toBe(700);
    expect(state.counter.all()).toMatchObject({ 'over-rate': 1, stored: 0 });
  });
});

describe('the book of clients', () => {
  it('knows an address by the longest prefix that holds it, as Node writes it, and strangers not at all', () => {
    const book = new ClientBook([client('wide'), client('near', { from: [prefix('192.0.2.128/25')] })], () => 0);
    expect(book.at('192.0.2.1')?.client.name).toBe('wide');
    expect(book.at('::ffff:192.0.2.200')?.client.name).toBe('near');
    expect(book.at('198.51.100.1')).toBeUndefined();
    expect(book.at('nonsense')).toBeUndefined();
  });
});

describe('the inbox', () => {
  it('gives everyone the same share of a batch, in the order of each, and the rest to who has more', () => {
    const inbox = new Inbox<string, string>({ all: 100, each: 50 });
    for (let i = 0; i < 40; i++) inbox.put('flood', `flood ${i}`);
    for (const one of ['a', 'b']) for (let i = 0; i < 2; i++) inbox.put(one, `${one} ${i}`);
    const batch = inbox.take(9);
    expect(batch.toSorted()).toEqual(
      ['a 0', 'a 1', 'b 0', 'b 1', 'flood 0', 'flood 1', 'flood 2', 'flood 3', 'flood 4'].toSorted(),
    );
    expect(batch.filter((one) => one.startsWith('flood'))).toEqual([0, 1, 2, 3, 4].map((i) => `flood ${i}`));
    expect(inbox.take(100)).toHaveLength(35);
    expect([inbox.take(1), inbox.size]).toEqual([[], 0]);
  });

  it('has room for others when one has filled its own, and for nobody when all of it is full', () => {
    const inbox = new Inbox<string, number>({ all: 6, each: 4 });
    expect([1, 2, 3, 4, 5].map((n) => inbox.put('flood', n))).toEqual([true, true, true, true, false]);
    expect([1, 2, 3].map((n) => inbox.put('other', n))).toEqual([true, true, false]);
  });
});
