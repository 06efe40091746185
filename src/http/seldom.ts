// A line for the log that strangers can cause: told at once, then at most once a minute, with how many there were since.
const EVERY_MS = 60_000;

/** `tell` gets the number of times since it was last called, the present one included. */
export function seldom(nowMs: () => number, tell: (times: number) => void): () => void {
  let [toldAt, times] = [Number.NEGATIVE_INFINITY, 0];
  return () => {
    times++;
    if (nowMs() - toldAt < EVERY_MS) return;
    toldAt = nowMs();
    tell(times);
    times = 0;
  };
}
