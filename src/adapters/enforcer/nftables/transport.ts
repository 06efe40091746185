// Which way leads to a helper: the socket of this machine, or ssh to another.
import { connect } from 'node:net';
import type { Link, LinkEvents } from './link.ts';
import { openSshLink, type SshTarget } from './ssh.ts';

export type HelperTarget = { readonly kind: 'socket'; readonly path: string } | SshTarget;

/** How long to wait after a failure, doubled up to the second. A login costs both machines more than a knock on a socket. */
export const PAUSES: Readonly<Record<HelperTarget['kind'], readonly [firstMs: number, lastMs: number]>> = {
  socket: [50, 2000],
  ssh: [500, 30_000],
};

export function openLink(target: HelperTarget, events: LinkEvents): Link {
  return target.kind === 'ssh' ? openSshLink(target, events) : openSocketLink(target.path, events);
}

function openSocketLink(path: string, events: LinkEvents): Link {
  const socket = connect(path);
  socket.on('connect', events.up);
  socket.on('data', (chunk) => {
    if (!events.data(chunk as Buffer)) socket.destroy();
  });
  socket.on('drain', events.drained);
  socket.on('error', () => {}); // 'close' follows and tells everything
  socket.on('close', () => events.down());
  return {
    get backlog() {
      return socket.writableLength;
    },
    write: (text) => void socket.write(text),
    drop: () => void socket.destroy(),
  };
}
