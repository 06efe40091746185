// Text that may hold ruby and strong: escaped first, then only these two forms become tags. The one way to HTML from a string.

/** HTML that this file made. The templates' escape function lets nothing else through unescaped. */
export class Markup {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const RUBY = /\{([^{}|]{1,24})\|([^{}|]{1,48})\}/g;
const STRONG = /\*\*([^*]{1,80})\*\*/g;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);
}

/** `{漢字|かんじ}` → ruby, `**word**` → strong, everything else is text. */
export function rich(text: string): Markup {
  return new Markup(
    escapeHtml(text)
      .replace(RUBY, '<ruby>$1<rp>(</rp><rt>$2</rt><rp>)</rp></ruby>')
      .replace(STRONG, '<strong>$1</strong>'),
  );
}

/** For titles and attributes, where no tag may stand: the base text alone. */
export function plain(text: string): string {
  return text.replace(RUBY, '$1').replace(STRONG, '$1');
}

/** Given to EJS as its escape function: `<%= %>` is safe for any value. */
export function escapeForTemplate(value: unknown): string {
  if (value instanceof Markup) return value.html;
  return value === undefined || value === null ? '' : escapeHtml(String(value));
}
