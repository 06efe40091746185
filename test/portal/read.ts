// Reads a page the way people do: what stands on it, without the folded details, readings and the list of languages.

export function visibleText(html: string): string {
  return html
    .replace(/<(style|title|details|svg|rt|rp)\b[\s\S]*?<\/\1>/g, '')
    .replace(/<form[^>]*class="langs"[\s\S]*?<\/form>/g, '')
    .replace(/<\/(p|li|h1|h2|dt|dd|button|div|span|label|td|th|strong|a)>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&amp;/g, '&')
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/\u2060/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
}

/** Sentences of a text; a colon ends none. */
export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+|(?<=[。！？])/u)
    .map((s) => s.trim())
    .filter((s) => s !== '');
}

/** Each heading, paragraph, row and button as a sentence of its own, whether it ends in a full stop or not. */
export function spokenText(html: string): string {
  const marked = html.replace(/<\/(p|li|h1|h2|dt|dd|button)>/g, '\u2028$&');
  const blocks = visibleText(marked.replace(/\u2028/g, '~~~')).split('~~~');
  return blocks
    .map((block) => block.trim().replace(/[.:]*$/, '.'))
    .filter((block) => block !== '.')
    .join(' ');
}

/** Flesch-Kincaid grade, with the usual vowel-group count of syllables. */
export function gradeOf(text: string): number {
  const all = words(text);
  const syllables = all.reduce((sum, word) => sum + syllablesOf(word), 0);
  return 0.39 * (all.length / Math.max(1, sentences(text).length)) + 11.8 * (syllables / all.length) - 15.59;
}

function syllablesOf(word: string): number {
  const letters = word.toLowerCase().replace(/[^a-z]/g, '');
  const groups = letters.replace(/(?:[^laeiouy]es|ed|[^laeiouy]e)$/, '').match(/[aeiouy]{1,2}/g);
  return Math.max(1, groups?.length ?? 1);
}
