// Orders to a running unbound over its local control socket, by its own `unbound-control`. Two orders only: read a zone file anew,
// and say which serials are loaded.
import { execFile } from 'node:child_process';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { readZoneList } from '../../../protocols/rpz/zone.ts';
import { replaceFile } from './files.ts';

const PROGRAM = '/usr/sbin/unbound-control';
/** 100,000 triggers take unbound half a second. */
const DEADLINE_MS = 15_000;
const MAX_OUTPUT = 4 * 1024 * 1024;

export type ControlFailure =
  /** unbound answered: no. */
  | { readonly kind: 'refused'; readonly text: string }
  /** Nobody knows: it did not answer in time, or is not running. */
  | { readonly kind: 'silent'; readonly afterMs: number };

export class UnboundControl {
  readonly #configFile: string;
  readonly #socket: string;
  readonly #deadlineMs: number;
  #isConfigured = false;

  /** `configFile`: written by us, so that nothing of the operator's file has to be readable. */
  constructor(options: { readonly configFile: string; readonly socket: string; readonly deadlineMs?: number }) {
    this.#configFile = options.configFile;
    this.#socket = options.socket;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  }

  async reload(zone: string): Promise<Result<void, ControlFailure>> {
    const done = await this.#order(['auth_zone_reload', zone]);
    return done.ok ? ok(undefined) : done;
  }

  /** Serials of the zones that are loaded; a zone without one could not be read. */
  async serials(): Promise<Result<ReadonlyMap<string, number | undefined>, ControlFailure>> {
    const listed = await this.#order(['list_auth_zones']);
    return listed.ok ? ok(readZoneList(listed.value)) : listed;
  }

  async #order(words: readonly string[]): Promise<Result<string, ControlFailure>> {
    await this.#configure();
    const startedAt = performance.now();
    const silent = (): Result<never, ControlFailure> =>
      err({ kind: 'silent', afterMs: Math.round(performance.now() - startedAt) });
    return new Promise((resolve) => {
      const options = {
        timeout: this.#deadlineMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT,
        env: { LC_ALL: 'C' },
      } as const;
      execFile(PROGRAM, ['-c', this.#configFile, ...words], options, (error, stdout) => {
        if (error === null) resolve(ok(stdout));
        else
          resolve(stdout.startsWith('error') ? err({ kind: 'refused', text: stdout.trim().slice(0, 200) }) : silent());
      });
    });
  }

  async #configure(): Promise<void> {
    if (this.#isConfigured) return;
    const lines = ['control-enable: yes', `control-interface: "${this.#socket}"`, 'control-use-cert: no'];
    await replaceFile(this.#configFile, `remote-control:\n${lines.map((line) => `  ${line}\n`).join('')}`);
    this.#isConfigured = true;
  }
}
