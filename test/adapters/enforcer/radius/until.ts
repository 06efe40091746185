// Waits for a condition, with a deadline.
export async function until(isSo: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not so within ${withinMs} ms`);
    await new Promise((next) => setTimeout(next, 5));
  }
}
