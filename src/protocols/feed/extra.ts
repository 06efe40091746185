// What nobody asked for survives with the report as text, bounded; that something was cut is said in the notes.
const [MAX_EXTRA, MAX_EXTRA_CHARS] = [64, 256];

/** A name that could mislead (`__proto__`, one of ours) or does not fit a column is left out. */
export function isPlainName(name: string): boolean {
  return /^[a-z0-9_.]{1,64}$/.test(name) && name !== '__proto__' && !name.startsWith('engawa.');
}

/** `notes`: what the reader noticed, kept as `engawa.notes`; `truncated` is added when anything did not fit. */
export function boundedExtra(
  entries: Iterable<readonly [name: string, value: string | undefined]>,
  notes: readonly string[],
): Record<string, string> {
  const extra: Record<string, string> = {};
  let count = 0;
  let cut = false;
  for (const [name, value] of entries) {
    if (value === undefined || value === '') continue;
    cut ||= value.length > MAX_EXTRA_CHARS;
    if (!isPlainName(name) || Object.hasOwn(extra, name) || ++count > MAX_EXTRA) cut = true;
    else extra[name] = value.slice(0, MAX_EXTRA_CHARS).toWellFormed();
  }
  const all = [...new Set(cut ? [...notes, 'truncated'] : notes)];
  if (all.length > 0) extra['engawa.notes'] = all.join(';');
  return extra;
}

/** The leaves of a JSON value under dotted names in lower case: `{"alert":{"gid":1}}` is `alert.gid` = `1`. */
export function* leavesOf(
  value: unknown,
  skip: (name: string) => boolean = () => false,
): Generator<readonly [string, string]> {
  const open: { name: string; value: unknown }[] = [{ name: '', value }];
  // One more than is kept, so that the cut is noticed; a wide object costs no more than that.
  for (let given = 0; open.length > 0 && given <= MAX_EXTRA; ) {
    const { name, value: at } = open.pop()!;
    if (name !== '' && skip(name)) continue;
    if (typeof at === 'object' && at !== null) {
      const children = Object.entries(at).slice(0, 200).reverse();
      for (const [key, child] of children)
        open.push({ name: `${name === '' ? '' : `${name}.`}${key.slice(0, 64).toLowerCase()}`, value: child });
    } else if (at !== undefined && at !== null && at !== '') {
      given++;
      yield [name, String(at)];
    }
  }
}
