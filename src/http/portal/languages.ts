// Which language a reader gets: the path says it; Accept-Language only chooses where the bare address leads.

export interface Language {
  /** In the path and the file name. */
  readonly tag: string;
  /** For the lang attribute; easy Japanese is Japanese to a screen reader. */
  readonly html: string;
  /** In its own script, never a flag. */
  readonly label: string;
}

export const LANGUAGES: readonly Language[] = [
  { tag: 'en', html: 'en', label: 'English' },
  { tag: 'ja', html: 'ja', label: '日本語' },
  { tag: 'ja-easy', html: 'ja', label: 'やさしい{日本語|にほんご}' },
];

const MAX_HEADER = 512;
const MAX_RANGES = 12;

/** RFC 9110 §12.5.4, bounded: the longest header and number of ranges we look at are fixed; the rest is ignored. */
export function negotiate(header: string | undefined, offered: readonly string[], fallback: string): string {
  const ranges = (header ?? '').slice(0, MAX_HEADER).split(',').slice(0, MAX_RANGES);
  let best = fallback;
  let bestQuality = 0;
  for (const range of ranges) {
    const [tag = '', ...parameters] = range.trim().toLowerCase().split(';');
    const quality = qualityOf(parameters);
    const match = quality > bestQuality ? closest(tag.trim(), offered) : undefined;
    if (match !== undefined) [best, bestQuality] = [match, quality];
  }
  return best;
}

function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((p) => p.trim().startsWith('q='));
  if (text === undefined) return 1;
  const quality = Number(text.trim().slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}

/** `ja-JP` falls back to `ja` (RFC 4647 §3.4), never the other way round. */
function closest(tag: string, offered: readonly string[]): string | undefined {
  for (let rest = tag; rest !== ''; rest = rest.slice(0, Math.max(0, rest.lastIndexOf('-')))) {
    const found = offered.find((o) => o.toLowerCase() === rest);
    if (found !== undefined) return found;
  }
  return undefined;
}
