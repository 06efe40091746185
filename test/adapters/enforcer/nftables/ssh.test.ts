// What is asked of ssh, and what is read from its complaints. The real thing is tried in ssh.int.test.ts.
import { describe, expect, it } from 'vitest';
import { sshArguments, troubleOf } from '../../../../src/adapters/enforcer/nftables/ssh.ts';

const TARGET = {
  kind: 'ssh' as const,
  host: 'bng2.example.net',
  port: 2222,
  user: 'engawa-pipe',
  identityFile: '/run/credentials/engawa.service/bng2 key%',
  knownHostsFile: '/etc/engawa/known_hosts',
};

describe('the arguments of ssh', () => {
  it('leave nothing to a configuration, an agent or a question, and end with host and command', () => {
    const args = sshArguments(TARGET);
    expect(args.slice(0, 9)).toEqual(['-F', 'none', '-T', '-a', '-x', '-p', '2222', '-l', 'engawa-pipe']);
    for (const option of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'IdentityAgent=none'])
      expect(args).toContain(option);
    expect(args.slice(-3)).toEqual(['--', 'bng2.example.net', 'engawa-helper-pipe']);
  });

  it('give a path as one value, whatever is in it', () => {
    expect(sshArguments(TARGET)).toContain('IdentityFile="/run/credentials/engawa.service/bng2 key%%"');
    expect(sshArguments(TARGET)).toContain('UserKnownHostsFile=/etc/engawa/known_hosts');
  });
});

describe('why ssh ended', () => {
  it.each([
    ['Host key verification failed.', 255, 'host-key'],
    ['@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nConnection closed', 255, 'host-key'],
    ['No ED25519 host key is known for bng2 and you have requested strict checking.', 255, 'host-key'],
    ['engawa-pipe@bng2: Permission denied (publickey).', 255, 'login'],
    ['ssh: connect to host bng2 port 22: Connection refused', 255, 'unreachable'],
    ['ssh: Could not resolve hostname bng2: Name or service not known', 255, 'unreachable'],
    ['Timeout, server bng2 not responding.', 255, 'unreachable'],
    ['Connection to 192.0.2.9 closed by remote host.', 255, 'unreachable'],
    ['client_loop: send disconnect: Broken pipe', 255, 'unreachable'],
    ['engawa-helper-pipe: no helper: ENOENT', 3, 'helper-away'],
    ['sh: 1: /opt/engawa/bin/engawa-helper-pipe: Permission denied', 126, 'no-helper-pipe'],
    ['sh: 1: engawa-helper-pipe: not found', 127, 'no-helper-pipe'],
    ['', 0, 'ended'],
    ['', null, 'ended'],
  ])('«%s» (%s) is %s', (said, code, trouble) => {
    expect(troubleOf(said, code).code).toBe(trouble);
  });

  it('is a sentence of ours: nothing that ssh said is passed on', () => {
    for (const said of ['/secret/path: Permission denied', 'debug1: secret', 'secret\u001b[31m'])
      expect(troubleOf(said, 1).text).not.toContain('secret');
  });
});
