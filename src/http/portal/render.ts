// Compiles the templates once, at start: a broken template stops the start, never a reader. Strict mode, one local: `it`.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ejs from 'ejs';
import { escapeForTemplate, Markup } from './markup.ts';

export const VIEWS_DIR = join(import.meta.dirname, '../../../views/portal');

export interface Renderer {
  render(view: string, it: object): string;
  /** An icon by name, drawn once and kept: an include costs more than the icon. */
  svg(name: string): Markup;
  readonly scene: Markup;
  /** The one inline style block and its CSP source. */
  readonly style: Markup;
  readonly styleSource: string;
}

export function createRenderer(directory = VIEWS_DIR): Renderer {
  const css = readFileSync(join(directory, 'style.css'), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, '')
    .replace(/\s*([{};,>])\s*/g, '$1')
    .replace(/:\s+/g, ':')
    .replace(/;\}/g, '}')
    .replace(/([\s:,(-])0\.(?=\d)/g, '$1.');
  const views = new Map(
    readdirSync(directory)
      .filter((name) => name.endsWith('.ejs'))
      .map((name) => [basename(name, '.ejs'), compile(join(directory, name))]),
  );
  const icon = compile(join(directory, 'partials/icon.ejs'));
  const icons = new Map<string, Markup>();
  return {
    svg(name) {
      const drawn = icons.get(name) ?? new Markup(icon({ name }));
      icons.set(name, drawn);
      return drawn;
    },
    scene: new Markup(compile(join(directory, 'partials/scene.ejs'))({})),
    style: new Markup(css),
    styleSource: `'sha256-${createHash('sha256').update(css).digest('base64')}'`,
    render(view, it) {
      const template = views.get(view);
      if (template === undefined) throw new Error(`no view ${view}`);
      return template(it);
    },
  };
}

function compile(filename: string): (it: object) => string {
  const compiled = ejs.compile(readFileSync(filename, 'utf8'), {
    filename,
    strict: true,
    localsName: 'it',
    rmWhitespace: true,
    cache: true,
    compileDebug: false,
    escape: escapeForTemplate,
  });
  return (it) => compiled(it);
}
