// `engawa gateway spec`, `engawa config check`: what the root launcher and a careful engineer need before a start.
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { activePolicyText } from '../active-policy.ts';
import type { Fault } from '../config/faults.ts';
import { formatFault } from '../config/faults.ts';
import type { Config } from '../config/load.ts';
import { loadPolicy } from '../config/policy.ts';
import type { Json } from '../flow/ports.ts';
import { renderRuleset } from '../protocols/nftables/ruleset.ts';
import { encodeSpec } from '../protocols/nftables/spec-json.ts';
import { startFaults } from '../start-check.ts';
import { askService, asTheService, callOperation } from './call.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';
import { dialectCommands } from './dialect-commands.ts';
import { nasCommands } from './nas-commands.ts';
import { next, paint, say, sayJson } from './print.ts';

export function gatewayCommands(program: Command, done: (code: number) => void): void {
  const gateway = program.command('gateway').description('the gateways: this machine, and BNGs told by RADIUS');
  nasCommands(gateway, done);
  dialectCommands(gateway);
  gateway
    .command('spec')
    .option('--out <file>', 'write it here instead of the terminal')
    .option('--gateway <name>', 'of another Linux gateway than this machine')
    .description("the helper's input: facts of the gateway from the configuration, as JSON")
    .action((options: { out?: string; gateway?: string }, command: Command) => {
      const text = `${encodeSpec(linuxGateway(command, options.gateway))}\n`;
      if (options.out === undefined) return void process.stdout.write(text);
      writeFileSync(options.out, text, { mode: 0o640 });
      say(`Wrote ${options.out}.`);
    });
  gateway
    .command('ruleset')
    .option('--gateway <name>', 'of another Linux gateway than this machine')
    .description('the nftables skeleton this configuration leads to, as text; loads nothing')
    .action((options: { gateway?: string }, command: Command) => {
      const ruleset = renderRuleset(linuxGateway(command, options.gateway));
      if (command.optsWithGlobals<GlobalOptions>().json === true) return sayJson({ ruleset });
      return void process.stdout.write(ruleset);
    });
  gateway
    .command('check')
    .description('compare wanted and observed now, whole, and repair what drifted (not on hold)')
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), { name: 'gateway.check' });
      if (globals.json === true) return sayJson(answer);
      for (const one of answer['gateways'] as readonly Readonly<Record<string, Json>>[]) {
        say(
          `${String(one['gateway'])}: ruleset ${paint('bold', String(one['skeleton']))}; ${String(one['missing'])} elements were missing, ${String(one['extra'])} were extra`,
        );
      }
      next('engawa status');
    });
  program
    .command('config')
    .description('the configuration')
    .command('check')
    .description('load it and everything it names; all faults at once')
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const config = readConfig(globals);
      const faults = [...startFaults(config), ...(await activePolicyFaults(config))].map(formatFault);
      if (faults.length > 0)
        throw new CliFault(2, 'config-invalid', `the service would not start:\n  ${faults.join('\n  ')}`);
      if (globals.json === true) {
        return sayJson({
          loads: true,
          path: config.path,
          gateways: config.gateways.length + config.nasGateways.length,
          packs: config.packs.length,
          families: config.families.families.size,
        });
      }
      say(
        `${paint('green', 'Loads')}: ${config.path}, ${gatewaysText(config)}, ${config.packs.length} packs, ${config.families.families.size} families`,
      );
      next('engawa start');
    });
}

function gatewaysText({ gateways, nasGateways }: Config): string {
  return nasGateways.length === 0
    ? `${gateways.length} gateway`
    : `${gateways.length} + ${nasGateways.length} gateways`;
}

/** The active policy lives in the state: what is changed here – a family, a new version of us – must not make it unreadable. */
async function activePolicyFaults(config: Config): Promise<readonly Fault[]> {
  const active = await activePolicy(config).catch((cause: Error) => {
    process.stderr.write(`engawa: the active policy could not be looked at: ${cause.message}\n`);
  });
  if (active === undefined) return [];
  const loaded = loadPolicy(active.text, `active policy «${active.name}»`, { families: config.families });
  return loaded.ok ? [] : loaded.error;
}

async function activePolicy(config: Config): Promise<{ readonly text: string; readonly name: string } | undefined> {
  const shown = await askService(config, { name: 'policy.show' });
  if (shown !== undefined) return { text: String(shown['text']), name: String(shown['name']) };
  return asTheService(config, false, async () => activePolicyText(config.stateFolder));
}

/** Left out: the one of this machine. */
function linuxGateway(command: Command, name: string | undefined) {
  const { gateways } = readConfig(command.optsWithGlobals<GlobalOptions>());
  const found = name === undefined ? gateways[0] : gateways.find(({ spec }) => spec.name === name);
  if (found !== undefined) return found.spec;
  const known = gateways.map(({ spec }) => spec.name).join(', ');
  throw new CliFault(2, 'gateway-missing', `no Linux gateway is called ${name ?? ''}; known: ${known}`);
}
