// Builders for accounting records and lines: what a test does not say is ordinary.
import type { Instant } from '../../../src/core/kernel/time.ts';
import type { AccountingRecord, NamedPrefix, PortBlock, SessionRecord } from '../../../src/core/line/accounting.ts';
import { isReset } from '../../../src/core/line/accounting.ts';
import type { Binding } from '../../../src/core/line/binding.ts';
import { claimsOf, stopOf } from '../../../src/core/line/claim.ts';
import { deriveBindings } from '../../../src/core/line/intervals.ts';
import type { Line } from '../../../src/core/line/line.ts';
import { parseIp } from '../../../src/core/net/ip.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';

/** 2026-11-20T12:00:00Z: noon, so that a test of hours stays inside one day unless it says otherwise. */
export const T0 = 1_795_176_000_000;
export const at = (minutes: number): Instant => T0 + minutes * 60_000;
export const ip = (text: string) => parseIp(text)!;
export const prefix = (text: string) => parsePrefix(text)!;

export function named(text: string, slot?: NamedPrefix['slot']): NamedPrefix {
  const value = prefix(text);
  return { slot: slot ?? (value.ip.family === 4 ? 'ipv4' : 'delegated-ipv6'), prefix: value };
}

export function block(text: string): PortBlock {
  const [, minus, address, low, high] = /^(-?)(\S+) (\d+)-(\d+)$/.exec(text)!;
  return { prefix: prefix(address!), ports: { low: Number(low), high: Number(high) }, isReleased: minus === '-' };
}

interface Said {
  readonly key: string;
  readonly minute: number;
  readonly addresses?: readonly (string | NamedPrefix)[];
  readonly session?: string;
  readonly nas?: string;
  /** Minute the session says it began at. */
  readonly began?: number;
  readonly endUnseen?: boolean;
  /** `192.0.2.1 4096-8191`; with a minus before it: given back. */
  readonly blocks?: readonly string[];
}

export function said(status: SessionRecord['status'], options: Said): SessionRecord {
  const { key, minute, addresses = [], session = `s-${key}`, nas = 'bng1' } = options;
  const began = options.began ?? (status === 'start' ? minute : undefined);
  return {
    status,
    nas,
    realm: 'main',
    sessionId: session,
    accessKey: key,
    eventAt: at(minute),
    ...(began === undefined ? {} : { startAt: at(began) }),
    prefixes: addresses.map((one) => (typeof one === 'string' ? named(one) : one)),
    ...(options.blocks === undefined ? {} : { blocks: options.blocks.map(block) }),
    ...(options.endUnseen === undefined ? {} : { endUnseen: options.endUnseen }),
  };
}

export function reset(minute: number, nas = 'bng1'): AccountingRecord {
  return { status: 'on', nas, realm: 'main', eventAt: at(minute) };
}

export const INTERIM_MS = 600_000;

export function bindingsFrom(records: readonly AccountingRecord[], nowMinute: number): Binding[] {
  const sessions = records.filter((one) => !isReset(one)) as SessionRecord[];
  const claims = sessions.flatMap(claimsOf);
  return deriveBindings({
    claims,
    elsewhere: claims,
    stops: sessions.flatMap((one) => stopOf(one) ?? []),
    resetsOf: (nas) =>
      records
        .filter((one) => isReset(one) && one.nas === nas)
        .map((one) => one.eventAt)
        .sort((a, b) => a - b),
    interimMsOf: () => INTERIM_MS,
    now: at(nowMinute),
  });
}

export function line(key: string, more: Partial<Line> = {}): Line {
  return {
    id: `line-${key}`,
    epoch: 1,
    accessKey: key,
    customerNo: `c-${key}`,
    class: 'home',
    protected: false,
    staticPrefixes: [],
    realm: 'main',
    contract: 'active',
    epochStartedAt: 0,
    ...more,
  };
}

export function linesByKey(...lines: readonly Line[]): ReadonlyMap<string, Line> {
  return new Map(lines.map((one) => [one.accessKey, one]));
}
