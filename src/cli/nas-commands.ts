// `engawa gateway list | retry | probe`: how each gateway stands, and what an engineer does about a BNG that does not do as told.
import type { Command } from 'commander';
import type { Json } from '../flow/ports.ts';
import { callOperation } from './call.ts';
import { type GlobalOptions, readConfig } from './context.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';

type View = Readonly<Record<string, Json>>;

interface Told {
  readonly sessions: number;
  readonly waiting: number;
  readonly releasesWaiting: number;
  readonly oldestReleaseMs: number;
  readonly inFlight: number;
  readonly perSecond: number;
  readonly etaSeconds?: number;
  readonly acked: number;
  readonly confirmed: number;
  readonly drifted: number;
  readonly atNextLogin: number;
  readonly stopped?: { readonly text: string; readonly sessions: number };
}

interface Step {
  readonly step: 'strict' | 'off';
  readonly acked: boolean;
  readonly ackedAfterMs?: number;
  readonly confirmed: boolean;
  readonly confirmedAfterMs?: number;
  readonly failure?: string;
}

export function nasCommands(gateway: Command, done: (code: number) => void): void {
  gateway
    .command('list')
    .description('every gateway: does it answer, what it was told, what it has proven, what waits')
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), { name: 'gateway.list' });
      if (globals.json === true) return sayJson(answer);
      showList(answer['gateways'] as readonly View[]);
    });
  gateway
    .command('retry')
    .argument('<name>', 'a gateway of kind radius')
    .description('tell it now what it refused, or what waits for another try')
    .action(async (name: string, _options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), { name: 'gateway.retry', input: { name } });
      if (globals.json === true) return sayJson(answer);
      say(`${name}: ${toldText(answer['told'] as unknown as Told)}`);
      next('engawa gateway list');
    });
  gateway
    .command('probe')
    .argument('<name>', 'a gateway of kind radius')
    .requiredOption('--line <line>', 'a line made for tests: it is in the garden for a moment')
    .description('one test line into the garden and out again; what was learned is written down')
    .action(async (name: string, options: { line: string }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const line = progressLine();
      const input = { name, line: options.line };
      const progress = (state: Readonly<Record<string, Json>>) => line.show(`${name}: ${String(state['step'])}`);
      const answer = await callOperation(readConfig(globals), { name: 'gateway.probe', input, progress });
      line.end();
      if (globals.json === true) sayJson(answer);
      else showProbe(name, answer['steps'] as unknown as readonly Step[], answer);
      if (!(answer['steps'] as unknown as readonly Step[]).every((step) => step.acked)) done(1);
    });
}

function showList(gateways: readonly View[]): void {
  table(
    ['gateway', 'kind', 'answers', 'in garden', 'acked', 'confirmed', 'waiting', 'covers'],
    gateways.map((one) => {
      const told = one['told'] as unknown as Told | undefined;
      const count = (value: number | undefined) => (value === undefined ? '–' : String(value));
      return [
        String(one['gateway']),
        one['dialect'] === undefined ? String(one['kind']) : `radius, ${String(one['dialect'])}`,
        one['answers'] === 'no' ? paint('red', 'no') : String(one['answers']),
        count(told?.sessions),
        count(told?.acked),
        count(told?.confirmed),
        told === undefined ? '–' : waitingText(told),
        familiesText(one['families'] as unknown as { ipv4: boolean; ipv6: boolean }),
      ];
    }),
  );
  for (const one of gateways) for (const trouble of troublesOf(one)) say(`  ${paint('yellow', '!')} ${trouble}`);
  next('engawa status; engawa gateway dialect show NAME');
}

function familiesText({ ipv4, ipv6 }: { readonly ipv4: boolean; readonly ipv6: boolean }): string {
  return ipv4 && ipv6 ? 'IPv4, IPv6' : ipv4 ? 'IPv4 only: lines are partial' : 'IPv6 only: lines are partial';
}

function waitingText({ waiting, inFlight, etaSeconds, perSecond }: Told): string {
  if (waiting + inFlight === 0) return '0';
  const eta = etaSeconds === undefined ? '' : `, ${etaSeconds} s at ${perSecond}/s`;
  return `${waiting + inFlight}${eta}`;
}

function toldText(told: Told): string {
  return `${told.sessions} sessions, ${told.acked} acknowledged, ${told.confirmed} confirmed, ${waitingText(told)} waiting`;
}

function troublesOf(one: View): readonly string[] {
  const name = String(one['gateway']);
  const told = one['told'] as unknown as Told | undefined;
  const troubles: string[] = [];
  if (told === undefined) return one['answers'] === 'no' ? [`${name}: check the helper`] : [];
  if (one['answers'] === 'no')
    troubles.push(`${name} answers nothing: secret, our source address, clock (NTP on both sides), or it is down`);
  if (told.stopped !== undefined)
    troubles.push(`${name} refuses ${told.stopped.sessions}: ${told.stopped.text}; then engawa gateway retry ${name}`);
  if (told.drifted > 0) troubles.push(`${name}: ${told.drifted} acknowledged, and its own account says otherwise`);
  if (told.atNextLogin > 0) troubles.push(`${name}: ${told.atNextLogin} without a session; applies at the next login`);
  if (told.oldestReleaseMs > 60_000)
    troubles.push(`${name}: a release has waited for ${Math.round(told.oldestReleaseMs / 60_000)} min`);
  return troubles;
}

function showProbe(name: string, steps: readonly Step[], answer: View): void {
  for (const { step, acked, ackedAfterMs, confirmed, confirmedAfterMs, failure } of steps) {
    const word = step === 'strict' ? 'into the garden' : 'out of the garden';
    if (!acked) {
      say(`${paint('red', '✗')} ${word}: ${failure ?? 'no answer'}`);
      continue;
    }
    const proof = confirmed
      ? `confirmed after ${confirmedAfterMs} ms`
      : `${paint('yellow', 'not confirmed')}${failure === undefined ? '' : `: ${failure}`}`;
    say(`${paint('green', '✓')} ${word}: acknowledged after ${ackedAfterMs} ms, ${proof}`);
  }
  const proofs = (answer['confirms'] as readonly string[]).join(', ');
  say(`  dialect ${String(answer['dialect'])} (${String(answer['certainty'])}); proof by ${proofs || 'nothing'}`);
  const isWhole = steps.every((step) => step.acked && step.confirmed);
  next(isWhole ? 'engawa gateway list' : `engawa gateway dialect show ${String(answer['dialect'])}`);
  if (!isWhole) say(`  ${name}: what is not confirmed is shown as unknown, never as done.`);
}
