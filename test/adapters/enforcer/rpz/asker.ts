// Lives in one namespace and asks DNS questions from the address it is told to, one JSON line each. Judges nothing.
import { Resolver } from 'node:dns/promises';
import { createInterface } from 'node:readline';

interface Question {
  readonly id: number;
  readonly from: string;
  readonly server: string;
  readonly name: string;
  readonly type: string;
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, from, server, name, type } = JSON.parse(line) as Question;
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([server]);
  if (from.includes(':')) resolver.setLocalAddress('0.0.0.0', from);
  else resolver.setLocalAddress(from);
  const answer = await resolver.resolve(name, type).catch((error: { code?: string }) => error.code ?? 'failed');
  process.stdout.write(`${JSON.stringify({ id, answer })}\n`);
});
