// Finds a case by whatever the caller has in hand: case id, check code, line, customer number, phone, or address + time.
import type { Case } from '../core/casefile/case.ts';
import { parseCheckCode } from '../core/casefile/check-code.ts';
import { parseRfc3339 } from '../core/kernel/civil.ts';
import { MINUTE } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import { phoneForms } from '../core/line/phone.ts';
import { parseIp } from '../core/net/ip.ts';
import type { Bindings, Store } from './ports.ts';

export interface FinderParts {
  readonly store: Pick<Store, 'case' | 'cases' | 'line' | 'lineByAccessKey' | 'linesBy' | 'casesOfLine'>;
  readonly bindings: Pick<Bindings, 'holders'>;
  readonly realm: string;
  /** Of the operator's own country, for numbers as they are dialled there. */
  readonly callingCode?: string;
}

export interface Found {
  /** How the words were understood, e.g. `check code`, `customer number`. */
  readonly by: string;
  readonly cases: readonly Case[];
  readonly lines: readonly Line[];
}

/** `text` may be `ADDRESS@TIME` (RFC 3339 with zone). Nothing found = empty lists; never a guess. */
export async function findCases(parts: FinderParts, text: string): Promise<Found> {
  const words = text.trim().slice(0, 200);
  const at = words.lastIndexOf('@');
  const ip = at < 0 ? undefined : parseIp(words.slice(0, at));
  if (ip !== undefined) {
    const observedAt = parseRfc3339(words.slice(at + 1));
    if (observedAt === undefined)
      return { by: 'address + time (the time needs RFC 3339 form with a zone)', cases: [], lines: [] };
    const { bindings } = await parts.bindings.holders(parts.realm, ip, observedAt - MINUTE, observedAt + MINUTE);
    const keys = [...new Set(bindings.map((binding) => binding.accessKey))];
    const lines = (await Promise.all(keys.map((key) => parts.store.lineByAccessKey(key)))).filter(
      (line) => line !== undefined,
    );
    return { by: 'address + time', lines, cases: await casesOf(parts, lines) };
  }
  const byId = await parts.store.case(words);
  if (byId !== undefined) return { by: 'case id', cases: [byId], lines: await linesOf(parts, [byId]) };
  const code = parseCheckCode(words);
  const byCode = code === undefined ? [] : await parts.store.cases({ checkCode: code, limit: 1 });
  if (byCode.length > 0) return { by: 'check code', cases: byCode, lines: await linesOf(parts, byCode) };
  const line = await parts.store.line(words);
  if (line !== undefined) return { by: 'line', lines: [line], cases: await casesOf(parts, [line]) };
  const byCustomer = await parts.store.linesBy({ customerNo: words });
  if (byCustomer.length > 0)
    return { by: 'customer number', lines: byCustomer, cases: await casesOf(parts, byCustomer) };
  const byPhone = await linesByPhone(parts, words);
  return { by: byPhone.length > 0 ? 'phone' : 'nothing', lines: byPhone, cases: await casesOf(parts, byPhone) };
}

/** However it was typed, and however it was imported. */
async function linesByPhone(parts: FinderParts, words: string): Promise<readonly Line[]> {
  const forms = phoneForms(words, parts.callingCode);
  const found = await Promise.all(forms.map((phone) => parts.store.linesBy({ phone })));
  return [...new Map(found.flat().map((line) => [line.id, line])).values()];
}

async function casesOf(parts: FinderParts, lines: readonly Line[]): Promise<readonly Case[]> {
  return (await Promise.all(lines.map((line) => parts.store.casesOfLine(line.id, line.epoch)))).flat();
}

async function linesOf(parts: FinderParts, cases: readonly Case[]): Promise<readonly Line[]> {
  const lines = await Promise.all(cases.map((one) => parts.store.line(one.lineId)));
  return lines.filter((line) => line !== undefined);
}
