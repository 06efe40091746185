// `engawa gateway dialect list | show`: what a kind of BNG would be sent, for a session that never was. Works without a
// configuration, so that it can be read before there is one; with one, an operator's own dialects count, too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { BUILT_IN_DIALECTS, loadDialects } from '../config/dialects.ts';
import { formatFault, nearest } from '../config/faults.ts';
import type { Dialect, Order } from '../core/dialect/dialect.ts';
import { judgeNak, knownCauses } from '../core/dialect/error-cause.ts';
import { loginAttributes } from '../core/dialect/plan.ts';
import { sampleValues } from '../core/dialect/sample.ts';
import type { Json } from '../flow/ports.ts';
import { CliFault, configPath, type GlobalOptions, readConfig } from './context.ts';
import {
  causeName,
  certaintyText,
  familiesText,
  ORDERS,
  packetsOf,
  printDialect,
  printHead,
  printLogin,
  printOrder,
  queryOf,
} from './dialect-print.ts';
import { next, say, sayJson, table } from './print.ts';

type Dialects = ReadonlyMap<string, Dialect>;
type Values = Readonly<Record<string, string>>;

interface ShowOptions {
  readonly order?: Order;
  readonly login?: boolean;
  readonly gateway?: string;
}

export function dialectCommands(gateway: Command): void {
  const dialect = gateway.command('dialect').description('how each kind of BNG is told, over RADIUS, as data');
  dialect
    .command('list')
    .description('every dialect: how sure we are, which families, what proves it')
    .action((_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const dialects = readDialects(globals);
      if (globals.json === true) return sayJson({ dialects: [...dialects.values()].map(summary) });
      showList(dialects);
    });
  dialect
    .command('show')
    .argument('<name>', 'a dialect')
    .addOption(new Option('--order <order>', 'these packets only').choices(ORDERS))
    .option('--login', 'the attributes for an Access-Accept only')
    .option('--gateway <name>', 'with the values of this gateway, instead of defaults and examples')
    .description('the packets it would send, decoded, for a sample session; what proves them, what a NAK means')
    .action((name: string, options: ShowOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const shown = dialectNamed(readDialects(globals), name);
      const values =
        options.gateway === undefined ? sampleValues(shown, true) : valuesOf(shown, options.gateway, globals);
      if (globals.json === true) return sayJson(detail(shown, values, options));
      show(shown, values, options);
    });
}

function readDialects(globals: GlobalOptions): Dialects {
  const own = ownFolder(globals);
  const loaded = loadDialects([...filesOf(BUILT_IN_DIALECTS), ...(own === undefined ? [] : filesOf(own))]);
  if (loaded.ok) return loaded.value;
  const faults = loaded.error.map((fault) => `  ${formatFault(fault)}`).join('\n');
  throw new CliFault(2, 'dialect-invalid', `the dialects do not load:\n${faults}`);
}

/** From the text of the configuration: a fault elsewhere in it must not keep anybody from looking at a dialect. */
function ownFolder(globals: GlobalOptions): string | undefined {
  const path = configPath(globals);
  if (!existsSync(path) && globals.config === undefined) return undefined;
  const written = /^dialects:[ \t]*["']?([^"'\s#]+)/m.exec(read(path))?.[1];
  return written === undefined ? undefined : resolve(dirname(path), written);
}

function filesOf(folder: string): readonly { readonly name: string; readonly text: string }[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
    return names.sort().map((name) => ({ name: join(folder, name), text: read(join(folder, name)) }));
  } catch (error) {
    throw error instanceof CliFault ? error : unreadable(folder, error);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CliFault {
  return new CliFault(2, 'unreadable', `${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
}

function dialectNamed(dialects: Dialects, name: string): Dialect {
  const found = dialects.get(name);
  if (found !== undefined) return found;
  const names = [...dialects.keys()];
  const meant = names.find((one) => one.startsWith(name)) ?? nearest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new CliFault(2, 'dialect-unknown', `no dialect ${JSON.stringify(name)}; ${hint}`);
}

function valuesOf(dialect: Dialect, gateway: string, globals: GlobalOptions): Values {
  const found = readConfig(globals).nasGateways.find(({ name }) => name === gateway);
  if (found === undefined)
    throw new CliFault(2, 'gateway-missing', `no gateway of kind radius called ${JSON.stringify(gateway)}`);
  if (found.dialect.name !== dialect.name)
    throw new CliFault(2, 'dialect-other', `${gateway} speaks ${found.dialect.name}, not ${dialect.name}`);
  return { ...sampleValues({ values: presetOnly(dialect) }, false), ...found.values };
}

/** An example is nobody's configuration. */
function presetOnly({ values }: Dialect): Dialect['values'] {
  return Object.fromEntries(Object.entries(values).filter(([, one]) => one.default !== undefined));
}

function showList(dialects: Dialects): void {
  table(
    ['dialect', 'how sure', 'covers', 'proof'],
    [...dialects.values()].map((one) => [
      one.overrides === true ? `${one.name} *` : one.name,
      certaintyText(one),
      familiesText(one),
      proofText(one),
    ]),
  );
  if ([...dialects.values()].some((one) => one.overrides === true))
    say('* yours, in place of the one that comes with Engawa');
  next('engawa gateway dialect show NAME');
}

function proofText({ confirm }: Dialect): string {
  return confirm.map(({ by }) => (by === 'portal-hit' ? 'page load' : by)).join(', ') || 'none';
}

function show(dialect: Dialect, values: Values, { order, login }: ShowOptions): void {
  if (order === undefined && login !== true) printDialect(dialect, values);
  else {
    printHead(dialect);
    if (order !== undefined) printOrder(dialect, order, values);
    if (login === true) printLogin(dialect, values);
    say();
  }
  say('Each packet begins with Message-Authenticator and ends with Event-Timestamp.');
  next('engawa gateway probe GATEWAY --line A-LINE-MADE-FOR-TESTS');
}

function summary(dialect: Dialect): Json {
  const { name, title, certainty, testedOn, families, port, confirm, revert } = dialect;
  return {
    name,
    title,
    certainty,
    ...(testedOn !== undefined && { testedOn }),
    families: { ...families },
    port,
    confirmsBy: confirm.map(({ by }) => by),
    revertNeeds: revert.needs,
    lacksLeaky: dialect.lacksLeaky === true,
    isOwn: dialect.overrides === true,
  };
}

function detail(dialect: Dialect, values: Values, { order, login }: ShowOptions): Json {
  const isAll = order === undefined && login !== true;
  const orders = isAll ? ORDERS : order === undefined ? [] : [order];
  const query = isAll ? queryOf(dialect, values) : undefined;
  const whole = {
    dialect: summary(dialect),
    values,
    packets: Object.fromEntries(orders.map((one) => [one, packetsOf(dialect, one, values)])),
    ...(query !== undefined && { query }),
    ...((isAll || login === true) && {
      login: {
        strict: loginAttributes(dialect, 'strict', values),
        leaky: loginAttributes(dialect, 'leaky', values),
      },
    }),
    ...(isAll && {
      naks: knownCauses(dialect).map((cause) => ({ cause, name: causeName(cause), ...judgeNak(dialect, cause) })),
      notes: dialect.notes,
      sources: dialect.sources,
    }),
  };
  return whole as unknown as Json;
}
