// What a NAK asks of us, by its Error-Cause (RFC 5176 §3.6): what a dialect or a request says of it first, then this table.
import type { Dialect, NakVerdict } from './dialect.ts';

/** Error-Cause 0 is none: here it stands for a NAK without one. */
const NO_CAUSE = 0;

const DEFAULTS: Readonly<Record<number, NakVerdict>> = {
  [NO_CAUSE]: { action: 'stop', text: 'the BNG refused and gives no reason; its own log may' },
  201: { action: 'done', text: 'the session was over, and what was left of it is removed' },
  202: { action: 'retry', text: 'speaks of EAP, which we do not send' },
  401: {
    action: 'stop',
    text: 'the BNG does not take one of the attributes: another dialect, or another version of it',
  },
  402: { action: 'needs-key', text: 'the BNG wants the session named by more than we know of it yet' },
  403: { action: 'stop', text: 'NAS-Identifier or NAS address are not those the BNG calls itself by' },
  404: { action: 'stop', text: 'often: a filter, group or service of this name is not configured on the BNG' },
  405: { action: 'stop', text: 'the BNG does not offer the service that was asked for' },
  406: { action: 'stop', text: 'the BNG, or a proxy before it, does not do CoA: AAA and a bounce are left' },
  407: { action: 'stop', text: 'a value is not taken: a name that is not configured, or keys that do not all match' },
  501: { action: 'stop', text: 'the BNG is configured not to let us do this' },
  502: { action: 'stop', text: 'a proxy knows no way to the BNG: its configuration' },
  503: { action: 'session-gone', text: 'the BNG has no such session: it ended, or goes by another name now' },
  504: { action: 'stop', text: 'the BNG cannot end this kind of session' },
  505: { action: 'retry', text: 'a proxy could not pass it on now' },
  506: { action: 'retry', text: 'the BNG has no resources for it now' },
  507: { action: 'wait', text: 'the BNG asks AAA itself now' },
  508: { action: 'needs-key', text: 'several sessions match: it takes one Acct-Session-Id for each' },
  509: { action: 'stop', text: 'the BNG wants a location, which we do not have' },
  510: { action: 'stop', text: 'Message-Authenticator is missing: set messageAuthenticator: send for this gateway' },
  601: { action: 'stop', text: 'the answer would not fit into a packet' },
};

/** `errorCause` undefined = a NAK without one. `request`: the one that was refused. */
export function judgeNak(
  dialect: Pick<Dialect, 'naks'>,
  errorCause: number | undefined,
  request?: { readonly doneOn?: readonly number[] },
): NakVerdict {
  const cause = errorCause ?? NO_CAUSE;
  if (request?.doneOn?.includes(cause) === true) return { action: 'done', text: 'it is so already' };
  if (Object.hasOwn(dialect.naks, cause)) return dialect.naks[cause]!;
  return defaultVerdict(cause);
}

function defaultVerdict(cause: number): NakVerdict {
  if (Object.hasOwn(DEFAULTS, cause)) return DEFAULTS[cause]!;
  return { action: 'stop', text: `Error-Cause ${cause}, which no RFC we know explains: the BNG's manual may` };
}

/** Every cause that the table or this dialect speaks of, in order. */
export function knownCauses(dialect: Pick<Dialect, 'naks'>): readonly number[] {
  return [...new Set([...Object.keys(DEFAULTS), ...Object.keys(dialect.naks)].map(Number))].sort((a, b) => a - b);
}
