// Who may import whom; the table is in CONTRIBUTING.md. Each rule says why in its comment.
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: allowed },
});
const pkg = (...names) => names.map((n) => `node_modules/(@types/)?${n}(/|$)`);
const NODE = '^(node:)?[a-z_]+(/[a-z]+)?$';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'a cycle hides who depends on whom',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'src-never-imports-test',
      comment: 'fakes stay in tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'nothing-imports-the-wiring',
      comment: 'main and compose see everything; nothing sees them',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(main|compose)\\.ts$', '^src/cli/'] },
      to: { path: ['^src/(main|compose)\\.ts$', '^src/helper/main\\.ts$'] },
    },
    only('core-imports-core', 'rules are replayable years later: values in, values out', '^src/core/', ['^src/core/']),
    only('flow-imports-core', 'the flow orders; adapters act', '^src/flow/', ['^src/(core|flow)/']),
    only('protocols-are-bytes', 'a codec knows addresses and results, nothing of cases', '^src/protocols/', [
      '^src/core/(kernel|net|report|garden)/',
      '^src/protocols/',
      NODE,
      ...pkg('csv-parse', 'zod'),
    ]),
    only('helper-stands-alone', 'the only code with CAP_NET_ADMIN must be readable on its own', '^src/helper/', [
      '^src/core/(kernel|net|garden)/',
      '^src/protocols/nftables/',
      '^src/helper/',
      NODE,
    ]),
    only('garden-is-small', 'what a garden line meets first', '^src/garden/', [
      '^src/core/(kernel|net|garden)/',
      '^src/protocols/',
      '^src/flow/ports\\.ts$',
      '^src/telemetry/',
      '^src/garden/',
      NODE,
    ]),
    only('adapters-implement-ports', 'an adapter sees the ports, never the flow behind them', '^src/adapters/', [
      '^src/(core|protocols|telemetry)/',
      '^src/flow/ports\\.ts$',
      '^src/adapters/',
      NODE,
      ...pkg('kysely', 'nodemailer'),
    ]),
    only('http-calls-flow', 'routers parse, call the flow, render', '^src/http/', [
      '^src/(core|flow|telemetry|http)/',
      '^src/protocols/(capport|reports)/',
      NODE,
      ...pkg('express', 'ejs', 'i18next', 'helmet', 'zod', 'yaml'),
    ]),
    only('config-is-a-leaf', 'config reads files and returns values', '^src/config/', [
      '^src/(core|config)/',
      NODE,
      ...pkg('zod', 'yaml'),
    ]),
    only('telemetry-is-a-leaf', 'logs and warnings as data', '^src/telemetry/', [
      '^src/core/kernel/',
      '^src/telemetry/',
      '^src/flow/ports\\.ts$',
      NODE,
      ...pkg('pino'),
    ]),
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
