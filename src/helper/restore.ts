// At boot, before any interface forwards: the skeleton, and what the snapshot still vouches for, in one transaction. Every
// element passes the guard as if it had been asked for. A file that cannot be trusted costs the gardens, never the skeleton.
import { open } from 'node:fs/promises';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { allowCommands, lifelineCommands, putCommands } from '../protocols/nftables/elements.ts';
import type { HelperError, Learned, PutElement } from '../protocols/nftables/messages.ts';
import {
  type GardenContent,
  MAX_SNAPSHOT_BYTES,
  parseSnapshot,
  RESTORED_SECONDS,
  type SavedAddress,
} from '../protocols/nftables/snapshot.ts';
import { elementsText } from '../protocols/nftables/text.ts';
import type { Guard } from './guard.ts';
import type { Skeleton } from './skeleton.ts';

export interface Restored {
  /** `skeleton-only`: why is told in `reason`. `left-alone`: the table was there, so this is no boot. */
  readonly outcome: 'restored' | 'skeleton-only' | 'left-alone';
  readonly reason: string;
  readonly lines: number;
  readonly addresses: number;
  readonly leftOut: number;
}

export interface RestoreParts {
  readonly spec: GatewaySpec;
  readonly guard: Guard;
  readonly skeleton: Skeleton;
  readonly file: string;
  readonly nowMs: number;
}

const NOTHING = { lines: 0, addresses: 0, leftOut: 0 };

export async function restore(parts: RestoreParts): Promise<Result<Restored, HelperError>> {
  const { spec, skeleton } = parts;
  const before = await skeleton.state();
  if (before === 'unknown') return err({ kind: 'unavailable', text: 'the ruleset cannot be listed' });
  if (before !== 'missing') return ok({ outcome: 'left-alone', reason: `the table is ${before}`, ...NOTHING });
  const read = await readFile(parts);
  if (!read.ok) return skeletonOnly(skeleton, read.error);
  const judged = judge(parts.guard, read.value.content);
  const loaded = await skeleton.install(textOf(spec, judged));
  if (!loaded.ok) return skeletonOnly(skeleton, `refused: ${textOfError(loaded.error)}`);
  const left = read.value.content;
  return ok({
    outcome: 'restored',
    reason: `${read.value.ageSeconds} s old`,
    lines: judged.lines.length,
    addresses: judged.addresses.length,
    leftOut:
      read.value.leftOut + left.lines.length + left.addresses.length - judged.lines.length - judged.addresses.length,
  });
}

async function skeletonOnly(skeleton: Skeleton, reason: string): Promise<Result<Restored, HelperError>> {
  const loaded = await skeleton.install();
  return loaded.ok ? ok({ outcome: 'skeleton-only', reason, ...NOTHING }) : loaded;
}

async function readFile({ spec, file, nowMs }: RestoreParts) {
  const text = await readBounded(file);
  if (!text.ok) return text;
  const parsed = parseSnapshot(spec, text.value, nowMs);
  return parsed.ok ? parsed : err(`${parsed.error.code}: ${parsed.error.text}`);
}

async function readBounded(file: string): Promise<Result<string, string>> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      return size > MAX_SNAPSHOT_BYTES ? err('damaged: it is too long') : ok(await handle.readFile('utf8'));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as { code?: string };
    return err(code === 'ENOENT' ? 'missing: there is no snapshot' : `damaged: ${code ?? String(cause)}`);
  }
}

interface Judged {
  readonly lines: readonly PutElement[];
  readonly addresses: readonly (Learned & Pick<SavedAddress, 'kind'>)[];
}

/** The configuration may have changed since: what it no longer takes is left out, the rest stands. */
function judge(guard: Guard, content: GardenContent): Judged {
  return {
    lines: content.lines
      .map((line) => ({ ...line, timeoutSeconds: secondsOf(line) }))
      .filter((element) => guard.put(element).ok),
    addresses: content.addresses
      .map((address) => ({ ...address, timeoutSeconds: secondsOf(address) }))
      .filter((one) => (one.kind === 'pack' ? guard.learnedForPack(one) : guard.learnedForLifeline(one)).ok),
  };
}

function secondsOf({ leftSeconds }: { readonly leftSeconds: number }): number {
  return Math.min(leftSeconds, RESTORED_SECONDS);
}

function textOf(spec: GatewaySpec, { lines, addresses }: Judged): string {
  const of = (kind: SavedAddress['kind']) => addresses.filter((one) => one.kind === kind);
  const commands = [
    ...lifelineCommands(
      spec,
      of('lifeline').map((one) => ({ ...one, lifeline: one.name })),
    ),
    ...allowCommands(
      spec,
      of('pack').map((one) => ({ ...one, pack: one.name })),
    ),
    ...putCommands(
      spec,
      lines.map((line) => ({ ...line, isOtherAbsent: true })),
    ),
  ];
  return elementsText(commands) ?? '';
}

function textOfError(error: HelperError): string {
  return error.kind === 'unknown' ? `no answer within ${error.afterMs} ms` : error.text;
}
