// The header block of a mail, read strictly (RFC 5322 §2.2): names of printable ASCII up to the colon, continuations that say
// something, no stray CR or NUL. Where a sender keeps to that, every parser finds the same fields; where not, no signature helps.

export interface Field {
  readonly name: string;
  readonly value: string;
}

export interface Head {
  readonly fields: readonly Field[];
  readonly isStrict: boolean;
}

const MAX_FIELDS = 1000;
const MAX_VALUE = 20_000;

export function readHead(bytes: Buffer): Head {
  const block = bytes.toString('latin1', 0, endOfHead(bytes));
  const fields: { name: string; value: string }[] = [];
  let isStrict = true;
  for (const line of block.split(/\r?\n/)) {
    const match = /^([!-9;-~]+):(.*)$/.exec(line);
    if (/[\r\0]/.test(line) || fields.length > MAX_FIELDS) isStrict = false;
    else if (/^[ \t]/.test(line)) isStrict = isStrict && continued(fields.at(-1), line);
    else if (match === null) isStrict = isStrict && line === '';
    else fields.push({ name: match[1]!.toLowerCase().slice(0, 200), value: match[2]!.trim().slice(0, MAX_VALUE) });
  }
  return { fields: fields.slice(0, MAX_FIELDS), isStrict };
}

/** A continuation of nothing, or of white space alone, is read as one thing here and as the end of the head elsewhere. */
function continued(field: { value: string } | undefined, line: string): boolean {
  if (field === undefined || line.trim() === '') return false;
  if (field.value.length < MAX_VALUE) field.value = `${field.value} ${line.trim()}`.trim().slice(0, MAX_VALUE);
  return true;
}

function endOfHead(bytes: Buffer): number {
  const ends = ['\r\n\r\n', '\n\n'].map((mark) => bytes.indexOf(mark)).filter((at) => at >= 0);
  return ends.length === 0 ? bytes.length : Math.min(...ends);
}
