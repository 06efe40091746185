import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHead } from '../../src/unpack/head.ts';
import { readMail } from '../../src/unpack/mail.ts';
import { runs } from '../runs.ts';
import { LIMITS, outcomeOf } from './outcome.ts';

const mail = (...lines: readonly string[]) => Buffer.from(lines.join('\r\n'), 'latin1');
const read = (bytes: Buffer) => outcomeOf((outlet) => readMail(bytes, outlet, LIMITS));

const REPORT = mail(
  'From: Reports <reports@cert.example>',
  'Subject: =?utf-8?q?Bericht_f=C3=BCr?= AS64496',
  'X-XARF: PLAIN',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed;',
  '\tboundary="b1"',
  '',
  'preamble',
  '--b1',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Hello,',
  '--b1',
  'Content-Type: text/plain; charset=iso-8859-1; name="report.txt"',
  'Content-Disposition: inline; filename="../../report.txt"',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Source: 192.0.2.1 =E4',
  '--b1',
  'Content-Type: application/zip; name="=?utf-8?b?YS56aXA=?="',
  'Content-Transfer-Encoding: base64',
  '',
  'UEsFBg==',
  '--b1--',
);

test('every part of a mail comes out by itself, decoded, with a name that is no path', async () => {
  expect(await read(REPORT)).toMatchObject({
    facts: { mediaType: 'multipart/mixed', subject: 'Bericht für AS64496', isStrict: true, reportType: '' },
    parts: [
      { name: '', mediaType: 'text/plain', text: 'Hello,\n' },
      // Latin 1 became UTF-8: the reader of the feed reads nothing else.
      { name: 'report.txt', mediaType: 'text/plain', text: 'Source: 192.0.2.1 Ã¤\n' },
      { name: 'a.zip', mediaType: 'application/zip', text: 'PK\x05\x06' },
    ],
  });
});

test('a mail inside a mail stays closed; a feedback report is known by its type', async () => {
  const arf = mail(
    'Content-Type: multipart/report; report-type=Feedback-Report; boundary=r',
    '',
    '--r',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    '--r',
    'Content-Type: message/rfc822',
    '',
    'Content-Type: multipart/mixed; boundary=q',
    '',
    '--q',
    'Content-Disposition: attachment; filename=inner.csv',
    '',
    'x',
    '--q--',
    '--r--',
  );
  const outcome = await read(arf);
  expect(outcome).toMatchObject({ facts: { mediaType: 'multipart/report', reportType: 'feedback-report' } });
  expect(outcome.parts.map(({ mediaType }) => mediaType)).toEqual(['message/feedback-report', 'message/rfc822']);
});

function nested(depth: number): Buffer {
  const open = Array.from({ length: depth }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}`);
  return mail(...open, '', 'x');
}

const comments = (open: number) => `${'('.repeat(open)}a${')'.repeat(open)}`;
const hostile: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['nesting 1,000', nested(1000), 'too-deep'],
  [
    'more parts than allowed',
    mail('Content-Type: multipart/mixed; boundary=x', '', ...Array.from({ length: 50 }, () => '--x\r\n\r\na')),
    'too-many-parts',
  ],
  ['more bytes than allowed', mail('Subject: a', '', 'a'.repeat(2 << 20)), 'too-much-out'],
  [
    'quadratic address comments',
    mail(`From: ${comments(20_000)} <a@example.net>`, `To: ${'('.repeat(100_000)}`, '', 'x'),
    undefined,
  ],
  ['a wrong charset', mail('Content-Type: text/csv; charset=klingon-8', '', 'a\xff'), undefined],
  ['a charset that does not fit', mail('Content-Type: text/csv; charset=utf-16', '', 'a\xff,'), undefined],
  ['no header', mail('', 'x'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
];

test.each(hostile)('F13: a mail with %s gives parts or a reason', async (_, bytes, code) => {
  expect((await read(bytes)).fault).toBe(code);
});

test.each([
  ['plain fields', 'From: a\r\nSubject: b\r\n c\r\n\r\n', true],
  ['bare LF throughout', 'From: a\nSubject: b\n\n', true],
  ['a space before the colon', 'From : a\r\n\r\n', false],
  ['a name that is not ASCII', '\xa0From: a\r\n\r\n', false],
  ['a line that is no field', 'From: a\r\nhello\r\n\r\n', false],
  ['a continuation of nothing', ' a: b\r\n\r\n', false],
  ['a continuation of white space alone', 'From: a\r\n \t\r\nContent-Type: b\r\n\r\n', false],
  ['a stray CR', 'From: a\rContent-Type: b\r\n\r\n', false],
  ['a NUL', 'From: a\0\r\n\r\n', false],
] as const)('F15: a head with %s', (_, text, isStrict) => {
  expect(readHead(Buffer.from(text, 'latin1')).isStrict).toBe(isStrict);
});

test('a mail with lines swapped, doubled, cut and octets changed gives parts or a reason', async () => {
  const lines = REPORT.toString('latin1').split('\r\n');
  const line = fc.constantFrom(
    ...lines,
    '--b1',
    '--b1--',
    ' ',
    '\t(',
    'Content-Type: multipart/mixed; boundary=b1',
    'Content-Transfer-Encoding: base64',
    'Content-Type: text/plain; charset="',
    '\xff\0',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 40 }), fc.nat(400), async (chosen, cut) => {
      const bytes = mail(...chosen);
      const outcome = await read(bytes.subarray(0, Math.max(0, bytes.length - cut)));
      expect(outcome.fault ?? 'none').toMatch(/^[a-z-]+$/);
    }),
    { numRuns: runs(1500) },
  );
});
