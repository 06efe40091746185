// The other end of `ssh`: joins its own stdin and stdout to the helper's socket. `helper/pipe.ts --socket PATH`, as the forced
// command of one key. Decides nothing, reads no environment: what the client asked to run is never looked at.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { PIPE_GREETING } from '../protocols/nftables/messages.ts';

const { values } = parseArgs({ options: { socket: { type: 'string' } }, strict: false });
const path = values['socket'];

if (typeof path !== 'string') end(2, 'usage: helper/pipe.ts --socket PATH');
else join(path);

function join(socketPath: string): void {
  const socket = connect(socketPath);
  socket.once('connect', () => {
    process.stdout.write(`${PIPE_GREETING}\n`);
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
  });
  socket.once('error', (error: NodeJS.ErrnoException) => end(3, `no helper: ${error.code ?? error.message}`));
  socket.once('close', () => process.stdin.destroy());
  // ssh went: nobody is left to read an answer.
  process.stdout.once('error', () => socket.destroy());
}

function end(code: number, text: string): void {
  process.stderr.write(`engawa-helper-pipe: ${text}\n`);
  process.exitCode = code;
}
