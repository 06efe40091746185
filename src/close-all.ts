// The way back: the last opened closes first, and one that fails leaves none of the rest open – the store and its writer's
// lock come last.
export type Closer = () => Promise<void> | void;

/** Empties the list. Throws at the end, with the first of what went wrong. */
export async function closeAll(closers: Closer[], tell: (cause: unknown) => void): Promise<void> {
  const faults: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (cause) {
      faults.push(cause);
      tell(cause);
    }
  }
  if (faults.length > 0) throw new Error(`${faults.length} parts did not stop as they should`, { cause: faults[0] });
}
