// A dialect: how one kind of BNG is told «strict», «leaky», «off» over RADIUS dynamic authorization (RFC 5176), as data. Files
// in deploy/dialects/ become these values; plan.ts turns one and a session into packets. No octets here.

/** One attribute by its dictionary name, its value as text: the form in which dialects, logs and people speak of it. */
export interface NamedAttribute {
  readonly name: string;
  /** RFC 2868 §3.1: 0–31. */
  readonly tag?: number;
  /** May be empty: one vendor reads a zero-length string as «take it away». Octets as `0x…`. */
  readonly value: string;
}

export type Certainty = 'documented' | 'operator-code' | 'tested-on-peer';

/** What a gateway can be told. `off` = the state before the garden; `bounce` = a momentary cut, AAA decides what comes after. */
export type Order = 'strict' | 'leaky' | 'off' | 'bounce';

export interface DialectRequest {
  readonly code: 'CoA-Request' | 'Disconnect-Request';
  /**
   * Beside those that name the session. Values are templates: `{name}` = a value of the gateway's configuration,
   * `{session:Attribute-Name}` = of the session. One with a value that is not configured and need not be is left out; a
   * request is left out when that leaves none that has a placeholder.
   */
  readonly attributes: readonly NamedAttribute[];
  /** Error-Causes (0 = a NAK without one) which say to this request: it is so already. */
  readonly doneOn?: readonly number[];
}

export interface DialectValue {
  readonly purpose: string;
  readonly default?: string;
  /** What it may look like, where there is no default. */
  readonly example?: string;
  readonly required: boolean;
}

/** What one access looks like in an accounting record or in the answer to a status query. */
export interface Mark {
  readonly attribute: string;
  /** Template; the attribute (one of its values) equals it, or contains it as a whole word: `garden` is not in `garden-2`. */
  readonly equals?: string;
  readonly contains?: string;
}

export type Confirmation =
  | {
      readonly by: 'accounting';
      readonly strict: Mark;
      readonly leaky?: Mark;
      /** Absent: none of the other marks in a record that does carry the attribute. */
      readonly off?: Mark;
    }
  | {
      readonly by: 'status-query';
      readonly request: DialectRequest;
      readonly strict: Mark;
      readonly leaky?: Mark;
      readonly off?: Mark;
    }
  /** A page load that this gateway redirected to us. Proves a garden, never freedom. */
  | { readonly by: 'portal-hit' };

export type NakAction =
  /** Done all the same. */
  | 'done'
  /** Permanent for this gateway: dialect, names or configuration are wrong. Alarm, no more tries until somebody mends it. */
  | 'stop'
  /** The session lacks a key that the gateway wants: again when the next record brings it. */
  | 'needs-key'
  /** Look the session up again; without one: it applies at the next login. */
  | 'session-gone'
  | 'retry'
  /** The gateway asks AAA itself (507). */
  | 'wait';

export interface NakVerdict {
  readonly action: NakAction;
  /** One sentence for the engineer: what it means here. */
  readonly text: string;
}

export interface Dialect {
  readonly name: string;
  readonly title: string;
  readonly certainty: Certainty;
  /** On which peer and version, when `tested-on-peer`. */
  readonly testedOn?: string;
  readonly sources: readonly string[];
  /** Default UDP port of the NAS. */
  readonly port: number;
  readonly families: { readonly ipv4: boolean; readonly ipv6: boolean };
  /**
   * Groups of attributes that name a session, best first; all of one group are sent (RFC 5176 §3). A bare name stands for the
   * session's own value; a template says what else to send, e.g. the context in which a user name is meant.
   */
  readonly identify: readonly (readonly (string | NamedAttribute)[])[];
  /** What the operator names in the gateway's configuration, e.g. the filter on the BNG. */
  readonly values: Readonly<Record<string, DialectValue>>;
  readonly strict: readonly DialectRequest[];
  /** As `off` where the BNG has nothing between open and strict (`lacksLeaky`): free beats locked in. */
  readonly leaky: readonly DialectRequest[];
  readonly lacksLeaky?: true;
  readonly off: readonly DialectRequest[];
  readonly bounce: readonly DialectRequest[];
  /** For Access-Accept of a line in the garden (AAA). */
  readonly login: { readonly strict: readonly NamedAttribute[]; readonly leaky: readonly NamedAttribute[] };
  /** `plan`: off needs the value the session had before (`attribute`), from accounting, AAA or the configuration. */
  readonly revert: { readonly needs: 'nothing' } | { readonly needs: 'plan'; readonly attribute: string };
  /** The act itself may give the session a new Acct-Session-Id (coova-chilli). */
  readonly sessionIdChanges: boolean;
  /** Best first; empty: an acknowledgement is all there is. */
  readonly confirm: readonly Confirmation[];
  /** Error-Cause (RFC 5176 §3.6), or 0 for a NAK without one; what is not named is judged by error-cause.ts. */
  readonly naks: Readonly<Record<number, NakVerdict>>;
  /** Said wherever the dialect is shown: traps of this kind of BNG. */
  readonly notes: readonly string[];
  /** An operator's, in place of one of the same name that came with Engawa. */
  readonly overrides?: true;
}
