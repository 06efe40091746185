// X-ARF in every version that is about: JSON documents (v4, v3), one or many, and the `Key: value` part of a v0.2 mail. Mails are
// taken apart elsewhere; here arrives one part, with the name it had.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { FeedReader, FileFault, OpenedFeed } from '../../core/report/feed.ts';
import { smallText } from '../feed/flat-fields.ts';
import { jsonFeed } from '../feed/json-feed.ts';
import { itemOf } from '../feed/observation.ts';
import { documentReport, type XarfSettings } from './json.ts';
import { partReport } from './part.ts';

/** Evidence travels inside, base64. */
const MAX_DOCUMENT_CHARS = 8 * 1024 * 1024;

export function readXarf(settings: XarfSettings): FeedReader {
  const readJson = jsonFeed((document, place, line) => [documentReport(document, { place, line, settings })], {
    maxChars: MAX_DOCUMENT_CHARS,
  });
  return async (file): Promise<Result<OpenedFeed, FileFault>> => {
    const text = await smallText(file.bytes, MAX_DOCUMENT_CHARS);
    if (text === undefined) return err({ code: 'file-too-long', text: 'the file is longer than 8 MiB' });
    if (/^[\s\ufeff]*[[{]/.test(text)) return readJson({ ...file, bytes: [Buffer.from(text)] });
    if (text.trim() === '') return err({ code: 'file-empty', text: 'the file is empty' });
    const report = partReport(text, file, settings);
    // A part that is no X-ARF at all is a log or a letter: kept, not counted as a bad row.
    if (!report.ok && ['part-broken', 'part-too-long'].includes(report.error.code))
      return err({ code: 'not-xarf', text: `neither JSON nor an X-ARF 0.2 part: ${report.error.text}` });
    return ok({ types: report.ok ? [report.value.type] : [], remarks: [], items: one(itemOf(1, report)) });
  };
}

async function* one<T>(item: T): AsyncGenerator<T> {
  yield item;
}
