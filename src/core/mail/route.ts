// Which feed a part of a mail belongs to: by who signed it, its subject and the part's name. The first route that fits.

export interface MailRoute {
  /** Who must have signed; undefined in a mailbox whose transport is trusted. */
  readonly dkim?: string;
  /** Patterns: `*` stands for any characters, case does not matter. */
  readonly subject?: string;
  readonly attachment: readonly string[];
  /** Name of the configured feed. */
  readonly feed: string;
}

export interface RoutedPart {
  /** undefined = the transport is trusted. */
  readonly signers: readonly string[] | undefined;
  readonly subject: string;
  /** All names it goes by: its own, its archive's; its media type where it has none. */
  readonly names: readonly string[];
}

export function feedOf(routes: readonly MailRoute[], part: RoutedPart): string | undefined {
  return routes.find(
    ({ dkim, subject, attachment }) =>
      (part.signers === undefined ? dkim === undefined : dkim !== undefined && part.signers.includes(dkim)) &&
      (subject === undefined || fits(subject, part.subject)) &&
      attachment.some((pattern) => part.names.some((name) => fits(pattern, name))),
  )?.feed;
}

/** One pass: each piece between stars is taken where it first occurs, so no text makes it slow. */
export function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const subject = text.toLowerCase();
  const last = rest.pop();
  if (last === undefined) return subject === first;
  if (!subject.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = subject.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return subject.length - last.length >= at && subject.endsWith(last);
}
