// A certificate authority for one run of the lab, and a certificate for every name that speaks TLS. Made by openssl(1) in
// a folder of its own; browsers in the lab trust this authority and nothing is ever told to ignore a certificate.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from './network-process.ts';

export interface LabCertificates {
  readonly caFile: string;
  /** Certificate and key files for these names, first one as common name. */
  issue(names: readonly string[]): Promise<{ readonly cert: string; readonly key: string }>;
}

const DAYS = '30';

export async function makeCertificates(folder: string): Promise<LabCertificates> {
  const [caKey, caFile] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
  await mustRun([
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    DAYS,
    '-subj',
    '/CN=Engawa lab authority',
    '-keyout',
    caKey,
    '-out',
    caFile,
  ]);
  return { caFile, issue: (names) => issue(folder, { caKey, caFile }, names) };
}

async function issue(
  folder: string,
  ca: { readonly caKey: string; readonly caFile: string },
  names: readonly string[],
): Promise<{ cert: string; key: string }> {
  const base = join(folder, names[0]!);
  const [key, request, cert, extensions] = [`${base}.key`, `${base}.csr`, `${base}.pem`, `${base}.ext`];
  await writeFile(
    extensions,
    `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\nextendedKeyUsage=serverAuth\n`,
  );
  await mustRun([
    'openssl',
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${names[0]}`,
    '-keyout',
    key,
    '-out',
    request,
  ]);
  await mustRun([
    'openssl',
    'x509',
    '-req',
    '-in',
    request,
    '-CA',
    ca.caFile,
    '-CAkey',
    ca.caKey,
    '-CAcreateserial',
    '-days',
    DAYS,
    '-extfile',
    extensions,
    '-out',
    cert,
  ]);
  return { cert, key };
}
