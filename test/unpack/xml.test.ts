import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readXml } from '../../src/unpack/xml.ts';
import { runs } from '../runs.ts';
import { LIMITS, outcomeOf } from './outcome.ts';

const read = (bytes: Buffer | string) => outcomeOf(async () => readXml(Buffer.from(bytes), LIMITS));

const IODEF = `<?xml version="1.0" encoding="UTF-8"?>
<!-- RFC 7970 --><IODEF-Document version="2.00"><Incident purpose="reporting">
<IncidentID name="cert.example">189493</IncidentID><GenerationTime>2026-03-04T05:06:07+00:00</GenerationTime>
<Contact><ContactName><![CDATA[A & B]]></ContactName></Contact><Note>1 &lt; 2 &#x41;</Note></Incident></IODEF-Document>`;

test('well-formed XML gives its root and what its elements say', async () => {
  const expected = {
    facts: {
      kind: 'xml',
      root: 'IODEF-Document',
      texts: [
        { name: 'IncidentID', text: '189493' },
        { name: 'GenerationTime', text: '2026-03-04T05:06:07+00:00' },
        { name: 'ContactName', text: 'A & B' },
        { name: 'Note', text: '1 < 2 A' },
      ],
    },
  };
  expect(await read(IODEF)).toMatchObject(expected);
  expect(await read(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(IODEF)]))).toMatchObject(expected);
  const wide = `\ufeff${IODEF.replace('UTF-8', 'UTF-16')}`;
  expect(await read(Buffer.from(wide, 'utf16le'))).toMatchObject(expected);
  expect(await read(Buffer.from(wide, 'utf16le').swap16())).toMatchObject(expected);
});

const LAUGHS = `<!DOCTYPE lolz [<!ENTITY a "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`).join('')}]>`;
const withDtd: readonly (readonly [string, string])[] = [
  ['an empty DTD', '<!DOCTYPE a><a/>'],
  ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
  ['an external subset', '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>'],
  ['a parameter entity', '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/p"> %p;]><a/>'],
  ['billion laughs', `${LAUGHS}<a>&j;</a>`],
  ['a DTD behind comments and instructions', '<?xml version="1.0"?>\n<!-- a --><?b c?> <!DOCTYPE a><a/>'],
  ['a DTD that never ends', `<!DOCTYPE a [${'<!ENTITY x "y">'.repeat(50_000)}`],
];

test.each(withDtd)('F11: XML with %s is refused', async (_, text) => {
  expect(await read(text)).toMatchObject({ fault: 'xml-dtd' });
  expect(await read(Buffer.from(`\ufeff${text}`, 'utf16le'))).toMatchObject({ fault: 'xml-dtd' });
});

test.each([
  ['a DTD that is text', '<a><![CDATA[<!DOCTYPE a>]]></a>', undefined],
  ['an entity that nobody declared', '<a>&x;</a>', 'xml-broken'],
  ['an open element', '<a><b></a>', 'xml-broken'],
  ['a DTD after the first element', '<a/><!DOCTYPE a>', 'xml-broken'],
  ['two roots', '<a/><b/>', 'xml-broken'],
  ['nothing', '', 'xml-broken'],
  ['elements too deep', '<a>'.repeat(11), 'too-deep'],
  ['too many elements', `<a>${'<b/>'.repeat(200_001)}</a>`, 'too-many-parts'],
  ['no UTF-8', Buffer.from('<a>\xff</a>', 'latin1'), 'xml-broken'],
  ['another encoding', '<?xml version="1.0" encoding="UTF-7"?><a/>', 'xml-encoding'],
] as const)('%s', async (_, text, code) => {
  expect((await read(text as string)).fault).toBe(code);
});

test('any text is read or refused with a reason, whatever stands where', async () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '/',
    '!',
    '?',
    '&',
    ';',
    '"',
    "'",
    'a',
    ' ',
    '=',
    '[',
    ']',
    '-',
    '<!DOCTYPE',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?',
    '?>',
    '\0',
    '\u{1f600}',
    '&#x0;',
    '&amp;',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.nat(IODEF.length), async (pieces, at) => {
      const text = IODEF.slice(0, at) + pieces.join('') + IODEF.slice(at);
      const outcome = await read(text);
      expect(outcome.fault ?? 'none').toMatch(/^[a-z-]+$/);
      if (outcome.fault === undefined) expect(JSON.stringify(outcome)).not.toContain('<!ENTITY');
    }),
    { numRuns: runs(2000) },
  );
});
