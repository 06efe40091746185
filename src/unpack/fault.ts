// Why bytes are not unpacked any further. Codes are stable: they stand in the list of parked files.

export class UnpackFault extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** Of a parser's own words only the first line is kept, and nothing that could steer a terminal. */
export function plain(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
}
