// Reads one day's tables into memory on a thread of its own and hands the buffers over: the event loop goes on serving. What is
// written meanwhile the other side has noted; rows only ever widen, so that it does not matter which of it was read here too.
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { HotDay, type HotDayState } from './hot-day.ts';

/** Rows as arrays: an object for each would cost half as much again. */
type ClaimTuple = readonly [
  realm: number,
  ip: Uint8Array,
  length: number,
  start: number,
  session: Uint8Array,
  slot: number,
  several: number,
  nas: number,
  accessKey: string,
  startAt: number | null,
  firstAt: number,
  lastAt: number,
];
type StopTuple = readonly [session: Uint8Array, start: number, startAt: number | null, firstAt: number, lastAt: number];

const CLAIMS = 'realm, ip, length, start, session, slot, several, nas, access_key, start_at, first_at, last_at';

/** The day as its tables stand; both must exist. */
export function readDay(db: DatabaseSync, day: number): HotDay {
  const hot = new HotDay(day);
  for (const row of rows<ClaimTuple>(db, `SELECT ${CLAIMS} FROM claim_d${day}`)) {
    const [realm, ip, length, start, session, slot, several, nas, accessKey, startAt, firstAt, lastAt] = row;
    hot.put({ realm, ip, length, start, session, slot, several, nas, accessKey, startAt, firstAt, lastAt });
  }
  for (const row of rows<StopTuple>(db, `SELECT session, start, start_at, first_at, last_at FROM stop_d${day}`)) {
    const [session, start, startAt, firstAt, lastAt] = row;
    hot.putStop({ session, start, startAt, firstAt, lastAt });
  }
  return hot;
}

function rows<Row>(db: DatabaseSync, sql: string): Iterable<Row> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement.iterate() as unknown as Iterable<Row>;
}

/** Asks for one day after another; close it when done. */
export class HotLoader {
  readonly #worker: Worker;

  constructor(path: string) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { hotLoader: path } });
    this.#worker.unref();
  }

  load(day: number): Promise<HotDay> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        this.#worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        settle();
      };
      const onMessage = (state: HotDayState) => done(() => resolve(new HotDay(day, state)));
      const onError = (cause: unknown) => done(() => reject(new Error(`day ${day} was not read`, { cause })));
      const onExit = () => done(() => reject(new Error(`day ${day} was not read: the reader has ended`)));
      this.#worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      this.#worker.postMessage(day);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function serve(path: string): void {
  parentPort!.on('message', (day: number) => {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    const state = readDay(db, day).state();
    db.close();
    parentPort!.postMessage(state, buffersOf(state));
  });
}

function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer);
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) buffersOf(one, found);
  return [...found];
}

if (!isMainThread && workerData?.hotLoader !== undefined) serve(workerData.hotLoader as string);
