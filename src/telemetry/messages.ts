// The catalogue of log messages: each code says what happened and what to do next. Codes are stable and never reused; a test
// compares this list with the codes the source uses. Fields carry the particulars; never personal data.

export interface Message {
  readonly text: string;
  /** What the reader does now; `nothing` is a good answer. */
  readonly next: string;
}

const NOTHING = 'nothing';

export const MESSAGES = {
  // service
  LOG_CODE_UNKNOWN: { text: 'A message without entry in the catalogue', next: 'report it: the code is in the fields' },
  SERVICE_STARTED: { text: 'Engawa serves', next: NOTHING },
  SERVICE_STOPPING: { text: 'Engawa stops; gardens stay until their elements expire', next: NOTHING },
  SERVICE_STOP_FAULT: { text: 'A part did not stop as it should; the rest was stopped', next: 'check disk and store' },
  SERVICE_FAILED: { text: 'Engawa ends because it cannot go on', next: 'read the reason; start again' },
  LOOP_FAILED: { text: 'A recurring task failed and will be tried again', next: 'read the reason when it repeats' },
  HEALTH_RAISED: { text: 'A standing warning began', next: 'engawa status' },
  HEALTH_CLEARED: { text: 'A standing warning ended', next: NOTHING },
  CONTROL_FAILED: { text: 'A command from the local socket failed', next: 'repeat the command; read the reason' },
  ORDER_NOT_RECORDED: {
    text: 'An order was carried out and could not be put on record',
    next: 'check disk and store; note who did what',
  },
  AUDIT_TABLES_FAULT: {
    text: 'The tables do not agree with the audit log: somebody wrote past us',
    next: 'engawa audit check; keep the disk as it is',
  },
  TIMER_FAILED: { text: 'A timer of a case failed and will be tried again', next: 'read the reason when it repeats' },
  JOURNAL_NOT_IMPORTED: {
    text: 'Releases are in the journal but not yet on record; hold stays until they are',
    next: 'check disk and store, then engawa hold off',
  },
  JOURNAL_IMPORTED: { text: 'Releases made while the service was down are on record', next: NOTHING },
  HTTP_UNEXPECTED: { text: 'A request ended in an error nobody foresaw', next: 'report it with its reference' },

  // intake
  INTAKE_ACCEPTED: { text: 'A delivery is durable', next: NOTHING },
  INTAKE_UNAUTHORISED: { text: 'A delivery without a valid key', next: 'check the key of the source, or who this is' },
  INTAKE_DELIVERY_REFUSED: { text: 'A delivery could not be read', next: 'tell the source the code' },
  INTAKE_NOT_STORED: { text: 'A delivery was not stored and not acknowledged', next: 'check disk and store' },

  // feeds that are fetched
  COLLECT_TOOK: { text: 'A file of a feed was fetched and taken in', next: NOTHING },
  COLLECT_PARKED: { text: 'A fetched file cannot be read as its format', next: 'engawa ingest --parked' },
  COLLECT_FAILED: {
    text: 'A feed could not be fetched; it is tried again',
    next: 'read the reason; engawa feeds list',
  },

  // mailboxes
  MAILBOX_OPEN: { text: 'A mailbox is open and has been looked through', next: NOTHING },
  MAILBOX_LOST: {
    text: 'A mailbox cannot be read; it is opened again, ever more seldom',
    next: 'check server, certificate and account when it repeats',
  },
  MAIL_TOOK: { text: 'A mail was taken in, or kept as evidence', next: NOTHING },
  MAIL_PARKED: {
    text: 'A mail was kept and did nothing',
    next: 'engawa ingest --parked; mend the reason, then move it back into its folder; docs/mailbox.md',
  },
  MAIL_WAITS: { text: 'A mail cannot be judged now; it stays where it is', next: 'check resolvers and disk' },

  // bindings
  ACCOUNTING_NOT_STORED: { text: 'Accounting records were not stored and not answered', next: 'check disk and store' },
  ACCOUNTING_TROUBLE: {
    text: 'Records of a RADIUS client cannot be used, or not all of them',
    next: 'check its secret, its accessKey and what it sends; told once a minute',
  },
  TRANSLATIONS_NOT_STORED: {
    text: 'Records of translators were not stored; they are tried again',
    next: 'check disk and store',
  },
  TRANSLATIONS_NOT_READ: {
    text: 'The log file of a translator cannot be read; it is tried again',
    next: 'check that it is there and readable by engawa',
  },
  TRANSLATIONS_SOCKET: {
    text: 'A socket for translators failed',
    next: 'check address and port in the configuration',
  },
  KEA_NOT_STORED: { text: 'Leases were not stored; they are tried again', next: 'check disk and store' },
  KEA_NOT_READ: {
    text: 'A lease file or forensic log cannot be read; it is tried again',
    next: 'check that it is there and readable by engawa',
  },
  ACCOUNTING_SOCKET: { text: 'The accounting socket failed', next: 'check address and port in the configuration' },

  // decisions
  BREAKER_TRIPPED: { text: 'Too many new gardens: all further ones wait', next: 'engawa breaker show' },
  SOURCE_DEMOTED: {
    text: 'A source is over its limit: what it says goes to review, nothing of it acts by itself',
    next: 'engawa feeds quality; engawa desk list; engawa feeds restore NAME when the reason is mended',
  },
  SHARING_RULES_GONE: {
    text: 'The sharing rules that were loaded last no longer load: none hold, no line of a shared address is named by rule',
    next: 'engawa sharing load FILE',
  },
  WRONG_LINE: { text: 'A later record names another holder: the line was released', next: 'engawa case why' },
  RECHECK_FAILED: { text: 'Holders could not be checked again; it will be tried again', next: 'check the store' },

  // gateway
  GARDENER_BATCH_FAILED: { text: 'A batch of gateway changes failed; reconcile repairs it', next: 'check the helper' },
  INTENT_NOT_RECORDED: { text: 'No intent could be recorded: nothing new is put', next: 'check disk and store' },
  ANSWER_NOT_RECORDED: { text: 'What a gateway answered could not be recorded', next: 'check disk and store' },
  GARDEN_NOT_TIGHTENED: { text: 'A garden was not tightened at the last check', next: NOTHING },
  ENFORCE_FAILED: { text: 'The gateway refused or did not answer', next: 'check the helper and the gateway' },
  STEERED_FLOWS_KEPT: { text: 'Old steered flows of a released line were not forgotten', next: 'check conntrack' },
  COUNTERS_UNREAD: { text: 'Deny counters could not be read', next: 'check the helper' },
  RECONCILE_FAILED: { text: 'Wanted and observed could not be compared', next: 'check store and helper' },
  GATEWAY_DRIFT: {
    text: 'The gateway differed from what is wanted; it is being repaired',
    next: 'who else writes there?',
  },
  GATEWAY_NOT_INSTALLED: { text: 'The ruleset could not be installed', next: 'check the helper; engawa gateway check' },
  GATEWAY_NOT_READ: { text: 'The gateway could not be read', next: 'check the helper' },
  REMOTE_GATEWAY_LOST: {
    text: 'The way to the helper of a remote gateway broke; it is opened again',
    next: 'check network, ssh and the helper over there when it repeats',
  },
  RADIUS_NAS_SILENT: {
    text: 'A BNG answers no request: one at a time goes on asking, the rest waits',
    next: 'check, in this order: is it up, our secret and source address in its client list, NTP on both, a filter between',
  },
  RADIUS_NAS_BACK: { text: 'A BNG answers again: what waited is sent', next: NOTHING },
  RADIUS_PREVIOUS_SECRET: {
    text: 'A BNG answers to the previous secret, not to the current one',
    next: 'give the BNG the current secret; the previous one is used until then',
  },
  RADIUS_BAD_REPLY: {
    text: 'Something that is no answer of a BNG arrived where its answers arrive; it was dropped',
    next: 'bad-authenticator: compare the secrets; other kinds: who sends there? Told once a minute',
  },
  RADIUS_SOCKET: {
    text: 'A packet to a BNG could not leave, or no local port could be opened',
    next: 'check the source address of the gateway in the configuration, and the route; told once a minute',
  },
  RADIUS_NAK: { text: 'A BNG refused an order', next: 'engawa gateway list; the cause is an Error-Cause of RFC 5176' },
  RADIUS_STOPPED: {
    text: 'A BNG refuses orders for a reason that trying again does not change',
    next: 'mend names, values or dialect, then engawa gateway retry',
  },
  RADIUS_SESSION_GONE: {
    text: 'A BNG knows no session for a line that has an order; the order applies at the next login',
    next: 'nothing; when it repeats: does its accounting arrive here?',
  },
  RADIUS_DRIFT: {
    text: 'A session is not as its BNG acknowledged; it is told again',
    next: 'check the filters and services on the BNG when it repeats',
  },
  RPZ_FAILED: {
    text: 'The resolver did not take our policy zone; it will be tried again',
    next: 'check that unbound runs and its remote control answers us',
  },

  // AAA
  AAA_UNAUTHORISED: { text: 'A login was asked about without a valid key', next: 'check the key in the AAA server' },
  AAA_SOCKET: { text: 'The socket of our RADIUS server failed', next: 'check address and port in the configuration' },
  AAA_ATTRIBUTE_UNSAYABLE: {
    text: 'Something cannot be told at login: one of its attributes could not be sent',
    next: 'change the attribute in dialect or users file; a gateway is told after the login until then',
  },
  AAA_REQUEST_TROUBLE: {
    text: 'Requests of a RADIUS client cannot be answered, or are not genuine',
    next: 'check its secret and that it sends a Message-Authenticator; told once a minute',
  },
  AAA_SQL_FAILED: {
    text: 'The tables of the AAA database could not be brought in step; it will be tried again',
    next: 'check database, its account and its tables',
  },

  // garden
  DNS_FRONT_ALIVE: { text: 'The DNS front answers: steering is on', next: NOTHING },
  DNS_RESOLVER_REACHABLE: {
    text: 'A resolver of this machine listens on :: or a link-local address: strict lines reach it',
    next: 'bind it to other addresses; see Machine in docs/operating.md',
  },
  DNS_FRONT_NOT_ALIVE: { text: 'The DNS front does not answer: steering ends by itself', next: 'check the resolver' },
  DNS_LIFELINE_UNCONFIRMED: {
    text: 'An address of a lifeline was not confirmed by the kernel',
    next: 'check the helper',
  },
  DNS_PACK_ADDRESSES: { text: 'Addresses of a pack changed or were refused', next: 'check the pack when it repeats' },
  LIFELINE_FILE_UNREADABLE: { text: 'Known addresses of lifelines could not be read', next: 'check the state folder' },
  LIFELINE_FILE_NOT_WRITTEN: { text: 'Known addresses of lifelines could not be kept', next: 'check the state folder' },
  LIFELINE_NOT_IN_KERNEL: { text: 'A lifeline is not in the kernel', next: 'at once: check the helper' },
  LIFELINE_NAME_UNRESOLVED: {
    text: 'Names of a lifeline do not resolve; known addresses stay',
    next: 'check names and resolver',
  },

  // people
  MESSAGE_NOT_TRIED: { text: 'A message could not be made or handed over', next: 'read the reason when it repeats' },
  MESSAGE_FAILED: { text: 'A message was not delivered', next: 'check the mail server or the webhook' },
  PORTAL_PAGE_FAILED: { text: 'A page could not be shown', next: 'report it with its reference' },
  PORTAL_FOREIGN_FORM: { text: 'A form came from somewhere else and was refused', next: NOTHING },
} as const satisfies Readonly<Record<string, Message>>;

export type MessageCode = keyof typeof MESSAGES;

export function isMessageCode(code: string): code is MessageCode {
  return Object.hasOwn(MESSAGES, code);
}
