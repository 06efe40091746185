// Who may import whom; the table is in CONTRIBUTING.md. Each rule says why in its comment.
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const pkg = (...names) => names.map((name) => `node_modules/(@types/)?${name}(/|$)`);

/** Everything below `from` may import what matches `allowed` and nothing else, Node's own modules included. */
const only = (name, comment, from, allowed) => rule(name, comment, { path: from }, { pathNot: allowed });

/** The same, with Node's own modules allowed. */
const onlyAndNode = (name, comment, from, allowed) =>
  rule(name, comment, { path: from }, { pathNot: allowed, dependencyTypesNot: ['core'] });

/** A package that belongs to one place: nobody else imports it. */
const owned = (name, comment, owner, ...names) =>
  rule(name, comment, { path: '^src/', pathNot: owner }, { path: pkg(...names) });

module.exports = {
  forbidden: [
    rule('no-cycles', 'a cycle hides who depends on whom', {}, { circular: true }),
    rule('resolvable', 'an import that resolves to nothing escapes every other rule', {}, { couldNotResolve: true }),
    rule('src-never-imports-test', 'fakes stay in tests', { path: '^src/' }, { path: '^test/' }),
    rule(
      'nothing-imports-the-wiring',
      'the files at the top of src see everything; only they and the commands see them',
      { path: '^src/.+/', pathNot: '^src/cli/' },
      { path: ['^src/[^/]+\\.ts$', '^src/helper/main\\.ts$'] },
    ),
    only('core-imports-core', 'rules are replayable years later: values in, values out', '^src/core/', ['^src/core/']),
    only('flow-imports-core', 'the flow orders; adapters act', '^src/flow/', ['^src/(core|flow)/']),
    onlyAndNode('protocols-are-bytes', 'a codec knows addresses and results, nothing of cases', '^src/protocols/', [
      '^src/core/(kernel|net|report|garden|line|dialect)/',
      '^src/protocols/',
      ...pkg('zod'),
    ]),
    rule(
      'protocols-stand-alone',
      'a protocol is read with its own documents at hand, not with its neighbours',
      { path: '^src/protocols/([^/]+)/' },
      { path: '^src/protocols/', pathNot: ['^src/protocols/$1/', '^src/protocols/(csv|json|feed)/'] },
    ),
    onlyAndNode('helper-stands-alone', 'the only code with CAP_NET_ADMIN must be readable on its own', '^src/helper/', [
      '^src/core/(kernel|net|garden)/',
      '^src/protocols/nftables/',
      '^src/helper/',
    ]),
    onlyAndNode('unpack-stands-alone', 'a process without secrets, where hostile bytes are parsed', '^src/unpack/', [
      '^src/core/kernel/',
      '^src/protocols/unpack/',
      '^src/unpack/',
      ...pkg('mailauth', 'postal-mime', 'saxes', 'yauzl'),
    ]),
    rule(
      'unpack-is-a-process',
      'what strangers packed is parsed where it can be ended: the port Unpacker is the way, never an import',
      { path: '^src/', pathNot: '^src/unpack/' },
      { path: '^src/unpack/' },
    ),
    onlyAndNode('garden-is-small', 'what a garden line meets first', '^src/garden/', [
      '^src/core/(kernel|net|garden)/',
      '^src/protocols/',
      '^src/flow/ports\\.ts$',
      '^src/telemetry/',
      '^src/garden/',
    ]),
    onlyAndNode('adapters-implement-ports', 'an adapter sees the ports, never the flow behind them', '^src/adapters/', [
      '^src/(core|protocols|telemetry)/',
      // login-access.ts is a port with a file of its own.
      '^src/flow/(ports|login-access)\\.ts$',
      '^src/adapters/',
      ...pkg('kysely', 'nodemailer', 'pg', 'mysql2', 'ioredis', 'imapflow'),
    ]),
    rule(
      'adapters-do-not-meet',
      'two ports meet in the flow: an adapter that calls another hides a step',
      { path: '^src/adapters/([^/]+)/' },
      { path: '^src/adapters/', pathNot: '^src/adapters/$1/' },
    ),
    onlyAndNode('http-calls-flow', 'routers parse, call the flow, render', '^src/http/', [
      '^src/(core|flow|telemetry|http)/',
      '^src/protocols/(capport|radius|reports)/',
      ...pkg('express', 'ejs', 'i18next', 'helmet', 'zod', 'yaml'),
    ]),
    onlyAndNode('config-is-a-leaf', 'config reads files and returns values', '^src/config/', [
      '^src/(core|config)/',
      // A dialect file may name only attributes that can be encoded; binding tables, CGN records and log dialects are configuration, too.
      '^src/protocols/(radius|lw4o6|rfc7422|cgn-log)/',
      ...pkg('zod', 'yaml'),
    ]),
    onlyAndNode('telemetry-is-a-leaf', 'logs and warnings as data', '^src/telemetry/', [
      '^src/core/kernel/',
      '^src/telemetry/',
      '^src/flow/ports\\.ts$',
      ...pkg('pino'),
    ]),
    onlyAndNode('cli-calls-flow', 'a command parses, calls and prints', '^src/cli/', [
      '^src/(core|flow|config|telemetry|protocols|lab|cli)/',
      '^src/[^/]+\\.ts$',
      ...pkg('commander'),
    ]),
    onlyAndNode('lab-builds-on-the-outside', 'the lab uses the product as an operator does', '^src/lab/', [
      '^src/(core|flow|config|telemetry|protocols|lab)/',
      'node_modules/yaml/',
    ]),
    owned('kysely-stays-in-sqlite', 'SQL is the store’s business', '^src/adapters/store/sqlite/', 'kysely'),
    owned(
      'sql-clients-stay-in-aaa',
      'an operator’s database is AAA’s business',
      '^src/adapters/aaa/sql/',
      'pg',
      'mysql2',
    ),
    owned(
      'ioredis-stays-in-redis',
      'a queue of another system is one way among others',
      '^src/adapters/collect/redis/',
      'ioredis',
    ),
    owned('nodemailer-stays-in-smtp', 'mail is the notifier’s business', '^src/adapters/notifier/smtp/', 'nodemailer'),
    owned(
      'imapflow-stays-in-mailbox',
      'a mailbox is a port; IMAP is one way to it',
      '^src/adapters/mailbox/imap/',
      'imapflow',
    ),
    owned('pino-stays-in-telemetry', 'everyone else has the port Log', '^src/telemetry/', 'pino'),
    owned(
      'unpackers-stay-in-unpack',
      'no MIME, zip, XML or DKIM parser in a process that has something to lose',
      '^src/unpack/',
      'mailauth',
      'postal-mime',
      'saxes',
      'yauzl',
    ),
    owned('express-stays-in-http', 'a flow knows no request', '^src/http/', 'express', 'ejs', 'helmet'),
    owned('commander-stays-in-cli', 'options are parsed at the edge', '^src/cli/', 'commander'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
