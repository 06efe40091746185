// Mails as a reporter sends them: built and signed by nodemailer, which is not what verifies them. Keys are made here.
import { generateKeyPairSync } from 'node:crypto';
import { createTransport } from 'nodemailer';

export interface DkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly privateKey: string;
  /** `selector._domainkey.domain`. */
  readonly name: string;
  readonly record: string;
}

export function dkimKey(domain: string, bits = 2048): DkimKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const record = `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { domain, selector: 's1', privateKey: pem, name: `s1._domainkey.${domain}`, record };
}

export interface Letter {
  readonly from?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly attachments?: readonly {
    readonly filename: string;
    readonly content: string | Buffer;
    readonly contentType?: string;
  }[];
  /** Left out: nobody signs. */
  readonly key?: DkimKey;
}

export async function signedMail(letter: Letter): Promise<Buffer> {
  const { key } = letter;
  const transport = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    ...(key && { dkim: { domainName: key.domain, keySelector: key.selector, privateKey: key.privateKey } }),
  });
  const sent = await transport.sendMail({
    from: letter.from ?? 'reports@cert.example',
    to: 'abuse@isp.example',
    subject: letter.subject ?? 'Daily report',
    text: letter.text ?? 'see the attachment',
    attachments: (letter.attachments ?? []).map((one) => ({ ...one })),
  });
  return sent.message as Buffer;
}
