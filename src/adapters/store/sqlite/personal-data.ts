// The last net under the audit log: it is kept for years and handed to strangers, so contact data that slipped into a
// detail is masked before it is hashed. Callers must not rely on it: it knows only the line the entry names.
import type { Json } from '../../../flow/ports.ts';
import type { Connection } from './database.ts';

const MASK = '[personal]';
const MAIL = /[^\s@<>"']{1,64}@[^\s@<>"']{1,255}/g;

interface Contact {
  id: string;
  email: string | null;
  phone: string | null;
  customer_no: string;
  access_key: string;
}

const CONTACT = 'SELECT id, email, phone, customer_no, access_key FROM line WHERE id = ?';

export function withoutPersonalData(tx: Connection, lineId: string | undefined, value: Json): Json {
  const contact = lineId === undefined ? undefined : tx.allSql<Contact>(CONTACT, [lineId])[0];
  return mask(value, contact);
}

function mask(value: Json, contact: Contact | undefined): Json {
  if (typeof value === 'string') return maskText(value.toWellFormed(), contact);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item: Json) => mask(item, contact));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key.toWellFormed(), mask(member as Json, contact)]));
}

function maskText(text: string, contact: Contact | undefined): string {
  let masked = text.includes('@') ? text.replace(MAIL, MASK) : text;
  if (contact === undefined) return masked;
  // Short identifiers would hit innocent text as a part, so they are masked only as the whole value.
  for (const secret of [contact.phone, contact.customer_no, contact.access_key, contact.id]) {
    if (secret === null || secret === '') continue;
    masked = secret.length >= 8 ? masked.replaceAll(secret, MASK) : masked === secret ? MASK : masked;
  }
  return masked;
}
