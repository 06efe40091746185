// What every notifier checks before a message leaves: nothing in an address or subject may start a header of its own.
import type { Notifier } from '../../flow/ports.ts';

export type OutgoingMessage = Parameters<Notifier['send']>[0];

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** One plain address (RFC 5321 §4.1.2, ASCII, no quotes): a comma or a bracket would make it another recipient. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const ID = /^[A-Za-z0-9._-]{1,128}$/;
const LANGUAGE = /^[A-Za-z0-9-]{2,35}$/;

export function isMailAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** What makes a message unfit to be sent, or undefined. Such a message is never tried again. */
export function unfit(message: OutgoingMessage): string | undefined {
  if (message.subject === '' || message.subject.length > 200 || CONTROL.test(message.subject)) return 'subject';
  if (!ID.test(message.messageId)) return 'message id';
  if (!LANGUAGE.test(message.language)) return 'language';
  if (message.text.length > 20_000) return 'text too long';
  return undefined;
}
