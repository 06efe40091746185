// Binding the sockets of the translators' listeners: resolves with where it listens, rejects when it cannot, logs what comes later.
import type { Socket as DatagramSocket } from 'node:dgram';
import type { AddressInfo, Server } from 'node:net';
import type { Log } from '../../flow/ports.ts';

interface At {
  readonly address: string;
  readonly port: number;
}

export function bindDatagrams(socket: DatagramSocket, at: At, log: Log): Promise<At> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(at.port, at.address, () => {
      socket.off('error', reject);
      socket.on('error', (error) => log.error('TRANSLATIONS_SOCKET', { text: error.message }));
      resolve(socket.address());
    });
  });
}

export function bindServer(server: Server, at: At, log: Log): Promise<At> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.address, () => {
      server.off('error', reject);
      server.on('error', (error) => log.error('TRANSLATIONS_SOCKET', { text: error.message }));
      resolve(server.address() as AddressInfo);
    });
  });
}
