import { expect, test } from 'vitest';
import { watchNotifiers } from '../../src/flow/notifier-watch.ts';
import type { Notifier } from '../../src/flow/ports.ts';

test('a channel fails when its last three messages did, whatever way, and no longer once one is taken', async () => {
  const answers: ('ok' | 'temporary' | 'throw')[] = ['temporary', 'throw', 'temporary', 'ok'];
  const notifier: Notifier = {
    channel: 'email',
    send: async () => {
      const answer = answers.shift();
      if (answer === 'throw') throw new Error('no route');
      return answer === 'ok' ? { ok: true, value: undefined } : { ok: false, error: { kind: 'temporary', text: '' } };
    },
  };
  const watch = watchNotifiers([notifier]);
  const message = { to: '', subject: '', text: '', language: '', checkCode: '', messageId: '' };
  const send = () => watch.notifiers[0]!.send(message, new AbortController().signal).catch(() => undefined);
  await send();
  await send();
  expect(watch.failing()).toEqual([]);
  await send();
  expect(watch.failing()).toEqual([{ channel: 'email', inARow: 3 }]);
  await send();
  expect(watch.failing()).toEqual([]);
});
