// Certificates of servers that a collector meets: good, of yesterday, of another name. Each stands for itself.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const CA = `[ca]
default_ca = own
[own]
dir = .
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
basicConstraints = CA:TRUE
`;

/** `from` and `to` as YYYYMMDDHHMMSSZ. */
export function makeCertificate(folder: string, name: string, [from, to]: readonly [string, string]): Certificate {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  writeFileSync(join(folder, 'index.txt'), '');
  writeFileSync(join(folder, 'ca.cnf'), `${CA}subjectAltName = ${name}\n`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-new', ...curve, '-subj', '/CN=peer', '-keyout', 'key.pem', '-out', 'request.pem');
  const dates = ['-startdate', from, '-enddate', to];
  const own = ['-selfsign', '-keyfile', 'key.pem', '-in', 'request.pem', '-out', 'cert.pem'];
  openssl('ca', '-config', 'ca.cnf', '-batch', '-notext', ...own, ...dates);
  return { key: readFileSync(join(folder, 'key.pem'), 'utf8'), cert: readFileSync(join(folder, 'cert.pem'), 'utf8') };
}

export const VALID = ['20200101000000Z', '20991231000000Z'] as const;
export const EXPIRED = ['20200101000000Z', '20200201000000Z'] as const;
