// A small SMTP server (RFC 5321) on loopback that takes mail, refuses it or falls silent, as a test orders.

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as sent, dots unstuffed. */
  readonly data: string;
}

export interface FakeSmtp {
  readonly port: number;
  readonly mails: readonly TakenMail[];
  /** Answer to a verb instead of the usual one; 'silence' = none at all, ever. */
  answer(verb: 'greeting' | 'RCPT' | 'DATA' | 'body', text: string | 'silence'): void;
  close(): Promise<void>;
}

export async function startFakeSmtp(): Promise<FakeSmtp> {
  const mails: TakenMail[] = [];
  const answers = new Map<string, string>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    converse(socket, answers, mails);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    answer: (verb, text) => void answers.set(verb, text),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function converse(socket: Socket, answers: ReadonlyMap<string, string>, mails: TakenMail[]): void {
  const say = (verb: string, usual: string): boolean => {
    const text = answers.get(verb) ?? usual;
    if (text === 'silence') return false;
    socket.write(`${text}\r\n`);
    return /^[23]/.test(text);
  };
  let [from, to, data, buffer, inData] = ['', [] as string[], '', '', false];
  say('greeting', '220 mail.example ESMTP');
  socket.on('data', (chunk) => {
    buffer += chunk.toString('utf8');
    for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (inData) {
        if (line !== '.') data += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
        else {
          inData = false;
          if (say('body', '250 taken')) mails.push({ from, to, data });
        }
        continue;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') socket.write('250-mail.example\r\n250 8BITMIME\r\n');
      else if (verb === 'MAIL') {
        [from, to, data] = [line, [], ''];
        socket.write('250 ok\r\n');
      } else if (verb === 'RCPT') {
        if (say('RCPT', '250 ok')) to.push(line);
      } else if (verb === 'DATA') inData = say('DATA', '354 go on');
      else if (verb === 'QUIT') socket.end('221 bye\r\n');
      else socket.write('500 what\r\n');
    }
  });
}
