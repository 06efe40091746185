// The two zone files and what the resolver has loaded of them. Published = written, read by the resolver, and its serial seen; what
// is true is said by the serial that is loaded, never by the file alone.
import { join } from 'node:path';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { EnforceError } from '../../../flow/ports.ts';
import type { LetThrough } from '../../../protocols/rpz/owner.ts';
import {
  type Answers,
  formatAllowZone,
  formatGardenZone,
  isZoneName,
  nextSerial,
  readGardenZone,
  readHead,
  type ZoneLine,
} from '../../../protocols/rpz/zone.ts';
import { readIfThere, replaceFile, stampOf } from './files.ts';
import { type ControlFailure, UnboundControl } from './unbound.ts';

export interface ZonesOptions {
  /** Ours to write, the resolver's to read. */
  readonly folder: string;
  /** unbound's `control-interface`, a local socket. */
  readonly controlSocket: string;
  /** Of one order to unbound, ms. Default 15,000. */
  readonly deadlineMs?: number;
  /** Names of the two zones, as in the resolver's configuration. */
  readonly zones: { readonly allow: string; readonly garden: string };
  readonly answers: Answers;
  readonly letThrough: readonly LetThrough[];
  readonly now: () => number;
}

export type ZonesState = 'intact' | 'changed' | 'missing' | 'unknown';
type Which = 'allow' | 'garden';

export interface Published {
  /** The file says it, whatever the resolver said: from now on it may be loaded at any moment. */
  readonly isWritten: boolean;
  readonly done: Result<void, EnforceError>;
}

interface Written {
  readonly serial: number;
  readonly stamp: string;
}

export class ResolverZones {
  readonly #options: ZonesOptions;
  readonly #control: UnboundControl;
  /** What we know to stand in the files; undefined = missing, damaged, or not looked at yet. */
  readonly #written: Record<Which, Written | undefined> = { allow: undefined, garden: undefined };

  constructor(options: ZonesOptions) {
    for (const zone of Object.values(options.zones)) if (!isZoneName(zone)) throw new Error(`no zone name: ${zone}`);
    this.#options = options;
    this.#control = new UnboundControl({
      configFile: join(options.folder, 'control.conf'),
      socket: options.controlSocket,
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    });
  }

  /** The lines that the file holds; undefined = there is no file, or it is not a whole one of ours. */
  async load(): Promise<readonly ZoneLine[] | undefined> {
    const garden = await this.#look('garden');
    await this.#look('allow');
    return garden === undefined ? undefined : readGardenZone(garden)?.lines;
  }

  /** Takes note of a file that is whole and ours, and still says what we would say of answers and names. */
  async #look(which: Which): Promise<string | undefined> {
    const file = this.#file(which);
    const stamp = await stampOf(file);
    const text = await readIfThere(file);
    const head = text === undefined ? undefined : readHead(text);
    if (text === undefined || head?.zone !== this.#options.zones[which]) {
      this.#written[which] = undefined;
      return undefined;
    }
    const { serial } = head;
    this.#written[which] = text === this.#wanted(which, serial, text) ? { serial, stamp } : undefined;
    return text;
  }

  #wanted(which: Which, serial: number, text: string): string {
    const head = { zone: this.#options.zones[which], serial };
    if (which === 'allow') return formatAllowZone(head, this.#options.letThrough);
    return formatGardenZone(head, this.#options.answers, readGardenZone(text)?.lines ?? []);
  }

  async state(): Promise<ZonesState> {
    const serials = await this.#control.serials();
    if (!serials.ok) return 'unknown';
    const { zones } = this.#options;
    if (!serials.value.has(zones.allow) || !serials.value.has(zones.garden)) return 'missing';
    for (const which of ['allow', 'garden'] as const) {
      const stamp = await stampOf(this.#file(which));
      if (stamp === '') return 'missing';
      const written = this.#written[which];
      if (written?.stamp !== stamp || serials.value.get(zones[which]) !== written.serial) return 'changed';
    }
    return 'intact';
  }

  /** A new version of the lines. */
  publish(lines: Iterable<ZoneLine>): Promise<Published> {
    return this.#publish(['garden'], lines);
  }

  /** Both files: written before the resolver is asked, since it does not start without them. */
  publishAll(lines: Iterable<ZoneLine>): Promise<Published> {
    return this.#publish(['allow', 'garden'], lines);
  }

  async #publish(which: readonly Which[], lines: Iterable<ZoneLine>): Promise<Published> {
    try {
      for (const one of which) await this.#write(one, lines);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      const error: EnforceError = { kind: 'unavailable', text: `the zone files cannot be written: ${code}` };
      return { isWritten: false, done: err(error) };
    }
    return { isWritten: true, done: await this.#load(which) };
  }

  async #write(which: Which, lines: Iterable<ZoneLine>): Promise<void> {
    const { zones, answers, letThrough, now } = this.#options;
    const serial = nextSerial(this.#written[which]?.serial, now());
    const head = { zone: zones[which], serial };
    const file = this.#file(which);
    await replaceFile(
      file,
      which === 'allow' ? formatAllowZone(head, letThrough) : formatGardenZone(head, answers, lines),
    );
    this.#written[which] = { serial, stamp: await stampOf(file) };
  }

  async #load(which: readonly Which[]): Promise<Result<void, EnforceError>> {
    const { zones } = this.#options;
    for (const one of which) {
      const done = await this.#control.reload(zones[one]);
      if (!done.ok) return err(whatIsKnown(done.error));
    }
    const serials = await this.#control.serials();
    if (!serials.ok) return err(whatIsKnown(serials.error));
    const other = which.find((one) => serials.value.get(zones[one]) !== this.#written[one]?.serial);
    return other === undefined
      ? ok(undefined)
      : err({ kind: 'unavailable', text: `the resolver holds another version of ${zones[other]}` });
  }

  #file(which: Which): string {
    return join(this.#options.folder, `${which}.zone`);
  }
}

/** The file is written: a resolver that does not answer now may read it any moment. */
function whatIsKnown(failure: ControlFailure): EnforceError {
  return failure.kind === 'silent'
    ? { kind: 'timeout', afterMs: failure.afterMs }
    : { kind: 'unavailable', text: `unbound: ${failure.text}` };
}
