import { expect, test } from 'vitest';
import { type Signature, signersOf } from '../../../src/core/mail/signers.ts';

const signature: Signature = {
  domain: 'cert.example',
  result: 'pass',
  comment: '',
  covers: ['from', 'subject', 'content-type', 'mime-version'],
  isWhole: true,
  isTesting: false,
};
const head = (...names: readonly string[]) => ({ isStrict: true, fields: names.map((name) => ({ name })) });
const HEAD = head('received', 'received', 'from', 'subject', 'mime-version', 'content-type');
const judge = (change: Partial<Signature> = {}, fields = HEAD) =>
  signersOf(fields, [{ ...signature, ...change }], ['cert.example']);

test('a signature of a configured domain over From, subject and all that decides how the body is read is trusted', () => {
  expect(judge()).toEqual({ ok: true, value: ['cert.example'] });
});

test.each([
  ['another domain', { domain: 'evil.example' }, 'sender-unknown'],
  ['a subdomain', { domain: 'x.cert.example' }, 'sender-unknown'],
  ['a domain that ends alike', { domain: 'notcert.example' }, 'sender-unknown'],
  ['a failed signature', { result: 'fail', comment: 'bad signature' }, 'dkim-failed'],
  ['a neutral one', { result: 'neutral', comment: 'expired' }, 'dkim-failed'],
  ['l=', { isWhole: false }, 'dkim-failed'],
  ['t=y', { isTesting: true }, 'dkim-failed'],
  ['From not covered', { covers: ['subject', 'content-type', 'mime-version'] }, 'dkim-failed'],
  ['Content-Type not covered', { covers: ['from', 'subject', 'mime-version'] }, 'dkim-failed'],
  ['Subject not covered', { covers: ['from', 'content-type', 'mime-version'] }, 'dkim-failed'],
] as const)('F15: %s is not trusted', (_, change, code) => {
  expect(judge(change)).toMatchObject({ ok: false, error: { code } });
});

test.each(['from', 'content-type', 'subject', 'content-transfer-encoding', 'date'])(
  'F15: a second %s above the signed one takes the trust away',
  (name) => {
    const fields =
      name === 'date' || name === 'content-transfer-encoding' ? head(name, name, ...names()) : head(name, ...names());
    const covers = [...signature.covers, 'content-transfer-encoding'];
    expect(judge({ covers }, fields)).toMatchObject({ ok: false, error: { code: 'head-repeated' } });
  },
);
const names = () => HEAD.fields.map(({ name }) => name);

test('F15: a header that two programs would read differently is not trusted', () => {
  expect(judge({}, { ...HEAD, isStrict: false })).toMatchObject({ ok: false, error: { code: 'head-irregular' } });
});

test('one good signature is enough; a bad one beside it takes nothing away', () => {
  const both = [{ ...signature, result: 'fail' }, signature, { ...signature, domain: 'other.example' }];
  expect(signersOf(HEAD, both, ['cert.example', 'other.example'])).toEqual({
    ok: true,
    value: ['cert.example', 'other.example'],
  });
  expect(signersOf(HEAD, [], ['cert.example'])).toMatchObject({ ok: false });
});
