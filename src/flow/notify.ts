// Step 5: messages ride in the same commit as the event that causes them, and are sent afterwards, with back-off, until
// sent or given up. One text per language: check code, portal name, phone number, nothing personal.
import type { Case, CaseEvent } from '../core/casefile/case.ts';
import { isGarden } from '../core/casefile/evolve.ts';
import { HOUR, MINUTE } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import type { Casebook, Extra, Ordered } from './casebook.ts';
import type { Clock, Ids, Log, Notifier, OutboundMessage, Store } from './ports.ts';

/** `exposed`: a notice about an open door, not about an attack. `apology`: it was never this line. */
export type MessageTemplate = 'noticed' | 'exposed' | 'quarantined' | 'released' | 'apology';

export interface MessageText {
  readonly subject: string;
  readonly text: string;
}

export interface NotifyParts {
  readonly store: Pick<Store, 'commit' | 'dueMessages' | 'line' | 'case'>;
  readonly notifiers: readonly Notifier[];
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly defaultLanguage: string;
  /** Texts come from the locales: the same words as on the portal. */
  readonly render: (template: MessageTemplate, language: string, checkCode: string) => MessageText;
}

/** 1, 5, 25 min, then hourly: a letter box that is full for a night still gets its message. */
const RETRY_MS = [MINUTE, 5 * MINUTE, 25 * MINUTE, HOUR, HOUR, HOUR, HOUR, HOUR, HOUR, HOUR, HOUR, HOUR] as const;
const SEND_DEADLINE_MS = 15_000;
const BATCH = 50;

function templateOf(event: CaseEvent, state: Case): MessageTemplate | undefined {
  switch (event.type) {
    case 'noticed':
      return state.classes.every((one) => one === 'exposed') ? 'exposed' : 'noticed';
    case 'quarantined':
    case 'released':
      return event.type;
    case 'closed':
      return event.reason === 'wrong-line' ? 'apology' : undefined;
    default:
      return undefined;
  }
}

/** Rides in every change of a case (Casebook riders). */
export function messagesFor(parts: Pick<NotifyParts, 'notifiers' | 'clock' | 'ids'>): (ordered: Ordered) => Extra {
  return ({ before, after, events }) => {
    const templates = new Set(events.map(({ event }) => templateOf(event, after)).filter((one) => one !== undefined));
    // Only whoever had a limit is told that it was lifted.
    if (!isGarden(before?.access ?? 'open')) templates.delete('released');
    // And only whoever was told of it, or felt it, is told that it was a mistake.
    if (before === undefined || before.state === 'watching' || before.state === 'held') templates.delete('apology');
    if (templates.has('apology')) templates.delete('released');
    const messages: OutboundMessage[] = [];
    for (const template of templates) {
      for (const notifier of parts.notifiers) {
        messages.push({
          id: parts.ids.id(),
          caseId: after.id,
          lineId: after.lineId,
          channel: notifier.channel,
          template,
          language: '',
          dueAt: parts.clock.now(),
          attempts: 0,
          state: 'waiting',
        });
      }
    }
    return { messages };
  };
}

export class Messenger {
  readonly #parts: NotifyParts & { readonly casebook: Casebook };

  constructor(parts: NotifyParts & { readonly casebook: Casebook }) {
    this.#parts = parts;
  }

  /** Sends what is due, once each; returns how many were tried. At least once: a crash between send and record repeats it. */
  async sendDue(signal: AbortSignal): Promise<number> {
    const due = await this.#parts.store.dueMessages(this.#parts.clock.now(), BATCH);
    await Promise.all(due.map((message) => this.#sendSafely(message, signal)));
    return due.length;
  }

  /** A message that cannot even be tried waits like one that was not taken. Throws when the store takes nothing. */
  async #sendSafely(message: OutboundMessage, signal: AbortSignal): Promise<void> {
    try {
      await this.#send(message, signal);
    } catch (cause) {
      this.#parts.log.error('MESSAGE_NOT_TRIED', { channel: message.channel, text: String(cause).slice(0, 200) });
      await this.#later(message, 'temporary');
    }
  }

  async #send(message: OutboundMessage, signal: AbortSignal): Promise<void> {
    const { store, log } = this.#parts;
    const [line, state] = await Promise.all([store.line(message.lineId), store.case(message.caseId)]);
    const notifier = this.#parts.notifiers.find((one) => one.channel === message.channel);
    // A customer who moved in meanwhile must not read about the one before.
    const to = line !== undefined && line.epoch === state?.epoch ? recipient(message.channel, line) : undefined;
    if (notifier === undefined || state === undefined || to === undefined) {
      await this.#settle({ ...message, state: 'failed', attempts: message.attempts + 1 });
      return;
    }
    const language = line?.language ?? this.#parts.defaultLanguage;
    const words = this.#parts.render(message.template as MessageTemplate, language, state.checkCode);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(SEND_DEADLINE_MS)]);
    const answer = await notifier.send(
      { to, ...words, language, checkCode: state.checkCode, messageId: message.id },
      deadline,
    );
    if (answer.ok) {
      await this.#settle({ ...message, language, state: 'sent', attempts: message.attempts + 1 });
      return;
    }
    log.warn('MESSAGE_FAILED', { channel: message.channel, reason: answer.error.kind, attempts: message.attempts + 1 });
    await this.#later({ ...message, language }, answer.error.kind);
  }

  async #later(message: OutboundMessage, kind: 'temporary' | 'permanent'): Promise<void> {
    const retryMs = kind === 'temporary' ? RETRY_MS[message.attempts] : undefined;
    const next = { ...message, attempts: message.attempts + 1 };
    if (retryMs === undefined) await this.#settle({ ...next, state: 'failed' });
    else await this.#record({ ...next, dueAt: this.#parts.clock.now() + retryMs });
  }

  async #settle(message: OutboundMessage): Promise<void> {
    const outcome = message.state === 'sent' ? 'sent' : 'failed';
    const ordered = await this.#parts.casebook.order(
      message.caseId,
      () => [{ kind: 'messageSent', actor: { kind: 'policy' }, channel: message.channel, outcome }],
      () => ({ messages: [message] }),
    );
    if (!ordered.ok) await this.#record(message);
  }

  async #record(message: OutboundMessage): Promise<void> {
    await this.#parts.store.commit({ messages: [message] });
  }
}

function recipient(channel: OutboundMessage['channel'], line: Line): string | undefined {
  // The webhook's receiver is the operator's own system: it knows its customer by number.
  return channel === 'email' ? line.email : line.customerNo;
}
