// Waiting for a condition, with a deadline. What was seen last is the answer either way.
export async function waitFor<T>(
  look: () => Promise<T>,
  isIt: (seen: T) => boolean,
  timeoutMs = 10_000,
  everyMs = 100,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isIt(seen) || performance.now() > deadline) return seen;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
